/**
 * A small API server that holds EndpointSlices, Services and Pods and misbehaves on order: refuses, cuts watches, falls silent,
 * forgets its history, goes back to an older state, is away. What it does when it behaves (list in pages, watch
 * from a version, bookmarks before the end) is what a real one does; the suite against the real one holds
 * the two together.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Plural = 'endpointslices' | 'services' | 'pods'

export interface Slice {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
    readonly resourceVersion?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** `next-page`: of a list, not its first. */
type Call = 'list' | 'next-page' | 'watch'

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly plural: Plural
  readonly object: Slice
}

/** What is asked for: `namespace` null: in all of them; `label`: those that have it. */
interface Asked {
  readonly plural: Plural
  readonly namespace: string | null
  readonly label: string | null
}

interface Former {
  readonly slices: ReadonlyMap<string, Slice>
  readonly history: readonly Change[]
  readonly version: number
}

interface Watcher {
  readonly response: ServerResponse
  readonly from: number
  readonly asked: Asked
}

/** `secondMs`: how long a second of `timeoutSeconds` lasts here. */
export async function startFakeApiServer(secondMs = 1_000) {
  const folder = mkdtempSync(join(tmpdir(), 'swy-api-server-'))
  const kubeconfig = join(folder, 'kubeconfig')
  let slices = new Map<string, Slice>()
  let history: Change[] = []
  let version = 100
  let silent = false
  let blind = false
  let port = 0
  const sockets = new Set<Socket>()
  const watchers = new Set<Watcher>()
  const answers: {
    readonly on: Call | 'any'
    readonly plural: Plural
    readonly answer: Answer
  }[] = []
  const seen: { readonly what: 'list' | 'watch'; readonly query: URLSearchParams }[] = []
  const seenOfPods: typeof seen = []
  const managed = new Set<string>()
  const forbidden = new Set<Plural>()

  const listening = () => createServer(handle).on('connection', keep)
  let server = listening()
  await listen()
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(url())))

  function url(): string {
    return `http://127.0.0.1:${port}`
  }
  async function listen(): Promise<void> {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  function handle(request: IncomingMessage, response: ServerResponse) {
    const { searchParams: query, pathname } = new URL(request.url ?? '/', url())
    const namespace = /^\/api\/v1\/namespaces\/([^/]+)$/.exec(pathname)?.[1]
    if (namespace !== undefined) return sendNamespace(namespace, response)
    const what = query.get('watch') === 'true' ? 'watch' : 'list'
    const asked = askedOf(pathname, query)
    if (asked.plural === 'endpointslices') seen.push({ what, query })
    if (asked.plural === 'pods') seenOfPods.push({ what, query })
    if (forbidden.has(asked.plural)) return send(response, { status: 403 })
    const next = answers.findIndex(
      ({ on, plural }) =>
        plural === asked.plural &&
        (on === 'any' || on === what || (on === 'next-page' && query.has('continue'))),
    )
    if (next >= 0) return send(response, answers.splice(next, 1)[0]!.answer)
    if (what === 'list') list(asked, query, response)
    else watch(asked, query, response)
  }

  function sendNamespace(name: string, response: ServerResponse) {
    const labels = managed.has(name) ? { 'switchyard.dev/managed': 'true' } : {}
    send(response, { status: 200, body: { metadata: { name, labels } } })
  }

  const isAsked = (
    { plural, namespace, label }: Asked,
    of: { readonly plural: Plural; readonly object: Slice },
  ): boolean =>
    of.plural === plural &&
    (namespace === null || of.object.metadata.namespace === namespace) &&
    (label === null || of.object.metadata.labels?.[label] !== undefined)

  function list(asked: Asked, query: URLSearchParams, response: ServerResponse) {
    const limit = Number(query.get('limit') ?? 0) || Infinity
    const [at, offset] = (query.get('continue') ?? `${version}:0`).split(':').map(Number)
    const all = [...slices]
      .map(([key, object]) => ({ plural: key.split(' ')[0] as Plural, object }))
      .filter((one) => isAsked(asked, one))
      .map(({ object }) => object)
    const items = all.slice(offset, offset! + limit)
    const more = offset! + items.length < all.length ? `${at}:${offset! + items.length}` : ''
    send(response, {
      status: 200,
      body: {
        kind: 'EndpointSliceList',
        metadata: { resourceVersion: String(at), ...(more ? { continue: more } : {}) },
        items,
      },
    })
  }

  function watch(asked: Asked, query: URLSearchParams, response: ServerResponse) {
    const from = Number(query.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watcher: Watcher = { response, from, asked }
    for (const change of history) if (change.version > from) tell(watcher, change)
    watchers.add(watcher)
    const lastsMs = Number(query.get('timeoutSeconds')) * secondMs
    const bookmark = setTimeout(() => say(watcher, bookmarkOf(version)), lastsMs * 0.9)
    const end = setTimeout(() => {
      if (!silent) response.end()
    }, lastsMs)
    response.once('close', () => {
      clearTimeout(bookmark)
      clearTimeout(end)
      watchers.delete(watcher)
    })
  }

  /** As a real one: what is not newer than the watch's version is not for it, bookmarks too. */
  function tell(watcher: Watcher, change: Change): void {
    const { type, object } = change
    if (isAsked(watcher.asked, change)) say(watcher, { type, object })
  }
  function say({ response, from }: Watcher, event: { type: string; object: Slice }): void {
    if (silent || (blind && event.type !== 'BOOKMARK')) return
    if (Number(event.object.metadata.resourceVersion) < from) return
    response.write(`${JSON.stringify(event)}\n`)
  }

  function change(type: Change['type'], slice: Slice, plural: Plural): void {
    version++
    const object = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(version) } }
    const key = keyOf(plural, slice.metadata)
    if (type === 'DELETED') slices.delete(key)
    else slices.set(key, object)
    const made: Change = { version, type, plural, object }
    history.push(made)
    for (const watcher of watchers) tell(watcher, made)
  }

  return {
    kubeconfig,
    /** Of slices. */
    seen,
    seenOfPods,
    url: url(),
    version: () => version,
    watcherCount: (plural: Plural = 'endpointslices') =>
      [...watchers].filter(({ asked }) => asked.plural === plural).length,
    put(slice: Slice, plural: Plural = 'endpointslices'): void {
      const known = slices.has(keyOf(plural, slice.metadata))
      change(known ? 'MODIFIED' : 'ADDED', slice, plural)
    },
    remove(name: string, namespace = 'shop', plural: Plural = 'endpointslices'): void {
      const slice = slices.get(keyOf(plural, { namespace, name }))
      if (slice) change('DELETED', slice, plural)
    },
    /** The next request of this kind is answered so. */
    answer(on: Call | 'any', answer: Answer, plural: Plural = 'endpointslices'): void {
      answers.push({ on, plural, answer })
    },
    /** Of these answers, those that nobody has had yet. */
    unasked: () => answers.length,
    /** The namespace says that it opts in. */
    optIn: (namespace = 'shop') => managed.add(namespace),
    forbid(plural: Plural, on = true): void {
      if (on) forbidden.add(plural)
      else forbidden.delete(plural)
    },
    /** Writes into every watch as it stands. */
    write(text: string): void {
      for (const { response } of watchers) response.write(text)
    },
    /** Watches stay open and say nothing any more, and never end. */
    silence(on: boolean): void {
      silent = on
    },
    /** Watches live on, with bookmarks, and miss every change. */
    blindness(on: boolean): void {
      blind = on
    },
    cut(plural?: Plural): void {
      for (const { response, asked } of watchers) {
        if (plural === undefined || plural === asked.plural) response.destroy()
      }
    },
    copy: (): Former => ({ slices: new Map(slices), history: [...history], version }),
    /** As after a restore of etcd: the state, and the version, of an earlier time. */
    restore(former: Former, watches: 'watches-live' | 'watches-break' = 'watches-break'): void {
      slices = new Map(former.slices)
      history = [...former.history]
      version = former.version
      if (watches === 'watches-break') for (const { response } of watchers) response.destroy()
    },
    async away(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async back(): Promise<void> {
      server = listening()
      await listen()
    },
    async stop(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
      rmSync(folder, { recursive: true })
    },
  }
}

export type FakeApiServer = Awaited<ReturnType<typeof startFakeApiServer>>

const keyOf = (plural: Plural, { namespace, name }: { namespace: string; name: string }): string =>
  `${plural} ${namespace}/${name}`

/** What is none of these is asked for slices. */
function askedOf(path: string, query: URLSearchParams): Asked {
  const [, namespace = null, named] = /(?:\/namespaces\/([^/]+))?\/([^/]+)$/.exec(path) ?? []
  const plural = named === 'pods' || named === 'services' ? named : 'endpointslices'
  const selector = query.get('labelSelector')
  const isExistence = selector !== null && /^[\w./-]+$/.test(selector)
  return { plural, namespace, label: plural !== 'endpointslices' && isExistence ? selector : null }
}

const bookmarkOf = (version: number) => ({
  type: 'BOOKMARK',
  object: { metadata: { name: '', namespace: '', resourceVersion: String(version) } },
})

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}))
}

export const kubeconfigOf = (server: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'agent', user: { token: 'secret-of-the-agent' } }],
  contexts: [
    { name: 'fake', context: { cluster: 'fake', user: 'agent', namespace: 'switchyard' } },
  ],
  'current-context': 'fake',
})
