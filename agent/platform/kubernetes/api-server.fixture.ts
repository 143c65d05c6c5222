/**
 * A small API server that holds EndpointSlices and misbehaves on order: refuses, cuts watches, falls silent,
 * forgets its history, goes back to an older state, is away. What it does when it behaves (list in pages, watch
 * from a version, bookmarks before the end) is what a real one does; the suite against the real one holds
 * the two together.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Slice {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
    readonly resourceVersion?: string
  }
  readonly [field: string]: unknown
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Slice
}

interface Former {
  readonly slices: ReadonlyMap<string, Slice>
  readonly history: readonly Change[]
  readonly version: number
}

interface Watcher {
  readonly response: ServerResponse
  readonly from: number
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
  const answers: { readonly on: 'list' | 'watch' | 'any'; readonly answer: Answer }[] = []
  const seen: { readonly what: 'list' | 'watch'; readonly query: URLSearchParams }[] = []

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
    const { searchParams: query } = new URL(request.url ?? '/', url())
    const what = query.get('watch') === 'true' ? 'watch' : 'list'
    seen.push({ what, query })
    const next = answers.findIndex(({ on }) => on === 'any' || on === what)
    if (next >= 0) return send(response, answers.splice(next, 1)[0]!.answer)
    if (what === 'list') list(query, response)
    else watch(query, response)
  }

  function list(query: URLSearchParams, response: ServerResponse) {
    const limit = Number(query.get('limit') ?? 0) || Infinity
    const [at, offset] = (query.get('continue') ?? `${version}:0`).split(':').map(Number)
    const all = [...slices.values()]
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

  function watch(query: URLSearchParams, response: ServerResponse) {
    const from = Number(query.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watcher: Watcher = { response, from }
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
  function tell(watcher: Watcher, { type, object }: Change): void {
    say(watcher, { type, object })
  }
  function say({ response, from }: Watcher, event: { type: string; object: Slice }): void {
    if (silent || (blind && event.type !== 'BOOKMARK')) return
    if (Number(event.object.metadata.resourceVersion) < from) return
    response.write(`${JSON.stringify(event)}\n`)
  }

  function change(type: Change['type'], slice: Slice): void {
    version++
    const object = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(version) } }
    const key = `${slice.metadata.namespace}/${slice.metadata.name}`
    if (type === 'DELETED') slices.delete(key)
    else slices.set(key, object)
    const made: Change = { version, type, object }
    history.push(made)
    for (const watcher of watchers) tell(watcher, made)
  }

  return {
    kubeconfig,
    seen,
    url: url(),
    version: () => version,
    watcherCount: () => watchers.size,
    put(slice: Slice): void {
      const known = slices.has(`${slice.metadata.namespace}/${slice.metadata.name}`)
      change(known ? 'MODIFIED' : 'ADDED', slice)
    },
    remove(name: string, namespace = 'shop'): void {
      const slice = slices.get(`${namespace}/${name}`)
      if (slice) change('DELETED', slice)
    },
    /** The next request of this kind is answered so. */
    answer(on: 'list' | 'watch' | 'any', answer: Answer): void {
      answers.push({ on, answer })
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
    cut(): void {
      for (const { response } of watchers) response.destroy()
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
