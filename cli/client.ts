/**
 * Calls of the API with bounds: time, bytes and attempts. Every change carries an `Idempotency-Key`, so
 * that a call whose answer was lost is sent again and cannot happen twice.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure, type Problem, refusedBy } from './failure.ts'
import { ownVersion } from './own-version.ts'

export interface Call {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly ifMatch?: string
  readonly idempotencyKey?: string
  /** Control may take this long before it answers (`?wait=active`). */
  readonly waitMs?: number
}

export interface Client {
  readonly url: string
  /** Parsed JSON of an answer that is not a problem. */
  call(method: Method, path: string, call?: Call): Promise<unknown>
  get(path: string, query?: Call['query']): Promise<unknown>
  /** A response whose body goes on, such as server-sent events. */
  open(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response>
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

const answerMs = 30_000
/** A snapshot of 100,000 routes has about 40 MB. */
const answerBytesMax = 256 * 1024 * 1024
const attemptsMax = 3
const pauseMaxMs = 5_000

export interface ClientOptions {
  readonly url: string
  readonly token: string | null
  /** What the caller is told to look at when control does not answer. */
  readonly source: string
  /** Why, for the audit: sent with every change. */
  readonly reason: string | null
  readonly interrupted: AbortSignal
}

export function createClient({ url, token, source, reason, interrupted }: ClientOptions): Client {
  const base = url.replace(/\/+$/, '')
  // The audit shows with what a change was made.
  const agent = { 'user-agent': `switchyard/${ownVersion()}` }

  /** Control speaks to callers of its API; who types a command wants one that helps. */
  const refused = (where: string, answer: unknown, response: Response): Failure => {
    const problem = problemOf(answer, response)
    if (problem.code !== 'unauthenticated') return refusedBy(where, problem)
    const login = 'switchyard login URL --token-file FILE'
    const fix = token
      ? `The token is that of SWITCHYARD_TOKEN, if it is set, else of ${source}. \`${login}\` keeps another.`
      : `Set SWITCHYARD_TOKEN; or \`${login}\`, without SWITCHYARD_URL.`
    return refusedBy(where, { ...problem, fix })
  }

  const send = async (
    method: Method,
    target: string,
    headers: Readonly<Record<string, string>>,
    body: string | null,
    signal: AbortSignal,
  ): Promise<Response> => {
    try {
      return await fetch(base + target, {
        method,
        headers: { ...agent, ...(token && { authorization: `Bearer ${token}` }), ...headers },
        body,
        signal: AbortSignal.any([signal, interrupted]),
        redirect: 'error',
      })
    } catch (error) {
      if (interrupted.aborted) throw stopped()
      throw unreachable(`${method} ${base}${target}`, error, source)
    }
  }

  async function call(method: Method, path: string, asked: Call = {}): Promise<unknown> {
    const target = path + queryText(asked.query)
    const headers: Record<string, string> = { accept: 'application/json' }
    if (asked.body !== undefined) headers['content-type'] = 'application/json'
    if (method !== 'GET') headers['idempotency-key'] = asked.idempotencyKey ?? randomUUID()
    if (reason !== null && method !== 'GET') headers['switchyard-reason'] = reason
    if (asked.ifMatch) headers['if-match'] = asked.ifMatch
    const body = asked.body === undefined ? null : JSON.stringify(asked.body)
    for (let attempt = 1; ; attempt++) {
      const bound = AbortSignal.timeout((asked.waitMs ?? 0) + answerMs)
      let pauseMs: number
      try {
        const response = await send(method, target, headers, body, bound)
        const text = await textOf(response, `${method} ${base}${target}`, source)
        const answer = parsed(text, response, `${method} ${base}${target}`)
        if (response.ok) return answer
        const failure = refused(`${method} ${base}${target}`, answer, response)
        const again = response.status === 429 || failure.problem?.code === 'overloaded'
        if (!again || attempt === attemptsMax) throw failure
        pauseMs = Number(response.headers.get('retry-after') ?? 1) * 1_000
        if (!(pauseMs <= pauseMaxMs)) throw failure
      } catch (error) {
        const lost = error instanceof Failure && error.parts.ending === 'unreachable'
        const isProblem = error instanceof Failure && error.problem !== null
        if (!lost || isProblem || attempt === attemptsMax || bound.aborted) throw error
        pauseMs = 200 * attempt
      }
      await delay(pauseMs, undefined, { signal: interrupted }).catch(() => {
        throw stopped()
      })
    }
  }

  return {
    url: base,
    call,
    get: (path, query) => call('GET', path, query ? { query } : {}),
    async open(path, headers, signal) {
      const response = await send('GET', path, headers, null, signal)
      if (response.ok) return response
      const text = await textOf(response, `GET ${base}${path}`, source)
      const answer = parsed(text, response, `GET ${base}${path}`)
      throw refused(`GET ${base}${path}`, answer, response)
    },
  }
}

export const stopped = (): Failure =>
  new Failure({ ending: 'interrupted', what: 'stopped before the answer came' })

function queryText(query: Call['query'] = {}): string {
  const all = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) all.set(name, String(value))
  }
  return all.size > 0 ? `?${all}` : ''
}

async function textOf(response: Response, where: string, source: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > answerBytesMax) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw unreachable(where, error, source)
  }
  if (bytes <= answerBytesMax) return Buffer.concat(chunks).toString()
  throw new Failure({
    ending: 'failed',
    what: `the answer is larger than ${answerBytesMax / 1024 / 1024} MiB`,
    where,
    fix: 'Ask for less: name a cluster, an app or a limit.',
  })
}

function parsed(text: string, response: Response, where: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown)
  } catch {
    const kind = response.headers.get('content-type') ?? 'no content type'
    throw new Failure({
      ending: response.status === 404 || response.ok ? 'failed' : 'unreachable',
      what: `what answered is not Switchyard's API: ${response.status}, ${kind}`,
      where,
      fix: "Look at the address: it is control's own, without a path; a proxy in between must pass /v1.",
    })
  }
}

function problemOf(answer: unknown, response: Response): Problem {
  const { status } = response
  const known = (typeof answer === 'object' && answer !== null ? answer : {}) as Partial<Problem>
  const detail = known.detail ?? known.title ?? 'it gave no reason'
  return {
    ...known,
    status,
    code: known.code ?? `http-${status}`,
    title: known.title ?? '',
    detail,
  }
}

function unreachable(where: string, error: unknown, source: string): Failure {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  const late = (error as Error).name === 'TimeoutError'
  const why = late ? 'no answer in time' : (cause?.code ?? cause?.message ?? String(error))
  return new Failure({
    ending: late ? 'timedOut' : 'unreachable',
    what: `control does not answer: ${why}`,
    where,
    fix: `Is control running there? The address comes from ${source}.`,
  })
}
