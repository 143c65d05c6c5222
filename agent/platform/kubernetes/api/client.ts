/**
 * Calls to the Kubernetes API server. Who we are is `access.ts`; the HTTP is our own, because the library's
 * calls have no bound in time and open a connection each. Here every call has a bound, connections are kept,
 * and an error says what the server said.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { type Access, type Credentials, openAccess } from './access.ts'
import { KubernetesError, statusOf } from './kubernetes-error.ts'

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/apis/apps/v1/namespaces/shop/deployments`, each part encoded (`pathOf`). */
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  /** Of the body; left out: `application/json`. */
  readonly contentType?: string
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface KubernetesClient {
  readonly server: string
  /** Our own: of the pod's service account or the kubeconfig's context. */
  readonly namespace: string
  /** The answer as JSON, to be parsed by who asked. Throws `KubernetesError` when the server refuses. */
  call(call: Call): Promise<unknown>
  /** A body that goes on and on, once its head has come; the signal ends it. */
  open(path: string, query: Query, signal: AbortSignal): Promise<http.IncomingMessage>
  close(): void
}

const callMs = 10_000
const headMs = 10_000
const bodyBytesMax = 33_554_432
/** A peer that is gone is noticed by TCP ten seconds after this. */
const keepAliveMs = 5_000
const socketsMax = 16

/** `kubeconfig` null: the pod's own service account, or else what `KUBECONFIG` or `~/.kube/config` says. */
export async function createKubernetesClient(kubeconfig: string | null): Promise<KubernetesClient> {
  return clientWith(await openAccess(kubeconfig))
}

export function clientWith(access: Access): KubernetesClient {
  const { server, namespace } = access
  const agents = createAgents(access)

  async function head(
    { method, path, query = {}, contentType = 'application/json' }: Call,
    body: Buffer | null,
    signal: AbortSignal,
    lasts: 'a-call' | 'a-watch' = 'a-call',
  ): Promise<http.IncomingMessage> {
    const { [lasts]: agent, headers, auth } = await agents.current()
    const url = new URL(server + path)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const about = body ? { 'content-type': contentType, 'content-length': body.length } : {}
    const options: https.RequestOptions = {
      method,
      agent,
      ...(auth ? { auth } : {}),
      headers: { ...headers, accept: 'application/json', 'user-agent': 'switchyard', ...about },
      signal,
    }
    return await new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(url, options, resolve)
      request.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs))
      request.on('error', (cause) => {
        const stopped = signal.aborted && signal.reason instanceof Error
        reject(
          stopped
            ? signal.reason
            : new Error(`the API server ${server} cannot be reached`, { cause }),
        )
      })
      request.end(body ?? undefined)
    })
  }

  return {
    server,
    namespace,
    async call(call) {
      const { timeoutMs = callMs, body } = call
      const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body))
      return await within(timeoutMs, call, async (signal) => {
        const response = await head(call, bytes, signal)
        return answerOf(call, response, await bodyOf(response))
      })
    },
    async open(path, query, signal) {
      const call: Call = { method: 'GET', path, query, signal }
      const closing = new AbortController()
      const ended = AbortSignal.any([signal, closing.signal])
      const late = new Error(
        `the API server ${server} did not answer within ${headMs} ms: GET ${path}`,
      )
      const timer = setTimeout(() => closing.abort(late), headMs)
      try {
        const response = await head(call, null, ended, 'a-watch')
        if (response.statusCode !== 200) answerOf(call, response, await bodyOf(response))
        return response
      } finally {
        clearTimeout(timer)
      }
    },
    close: agents.close,
  }

  async function within<T>(
    timeoutMs: number,
    { method, path, signal }: Call,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = new AbortController()
    const timer = setTimeout(() => {
      late.abort(
        new Error(
          `the API server ${server} did not answer within ${timeoutMs} ms: ${method} ${path}`,
        ),
      )
    }, timeoutMs)
    try {
      return await work(signal ? AbortSignal.any([signal, late.signal]) : late.signal)
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Encodes each part: `pathOf('apis', 'apps', 'v1', 'namespaces', namespace, 'deployments', name)`. */
export const pathOf = (...parts: readonly string[]): string =>
  `/${parts.map(encodeURIComponent).join('/')}`

async function bodyOf(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bodyBytesMax) throw new Error(`an answer is longer than ${bodyBytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function answerOf({ method, path }: Call, response: http.IncomingMessage, text: string): unknown {
  const { statusCode = 0, headers } = response
  const json = parsed(text)
  if (statusCode >= 200 && statusCode < 300 && json !== undefined) return json
  throw new KubernetesError(`${method} ${path}`, statusOf(statusCode, headers['retry-after'], json))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface Ways {
  readonly 'a-call': http.Agent
  /** Each has a connection of its own, so that calls never wait for one. */
  readonly 'a-watch': http.Agent
}

type Way = Ways & Pick<Credentials, 'headers' | 'auth'>

/** Connections are kept for as long as the certificates are the same. */
function createAgents(access: Access) {
  let known: { readonly of: string; readonly ways: Ways } | null = null

  return {
    async current(): Promise<Way> {
      const { secure, headers, auth, through } = await access.current()
      const of = JSON.stringify(secure)
      if (known?.of !== of) {
        // What is under way on the former one may end there.
        known = { of, ways: waysOf(access.server, secure, through) }
      }
      return { ...known.ways, headers, auth }
    },
    close() {
      for (const agent of Object.values(known?.ways ?? {})) agent.destroy()
    },
  }
}

function waysOf(server: string, secure: https.AgentOptions, through: http.Agent | undefined): Ways {
  if (through) return { 'a-call': through, 'a-watch': through }
  const defined = Object.fromEntries(
    Object.entries(secure).filter(([, value]) => value !== undefined),
  )
  const agent = (more: http.AgentOptions) => {
    const options = { keepAlive: true, ...more, ...defined }
    return server.startsWith('https:') ? new https.Agent(options) : new http.Agent(options)
  }
  return { 'a-call': agent({ maxSockets: socketsMax }), 'a-watch': agent({}) }
}
