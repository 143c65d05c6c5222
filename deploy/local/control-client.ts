/**
 * A small client of the operator API: what the local start, the demo and the story press its buttons
 * with. A rejection is thrown as the problem document that the API answered.
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { AppIntent, appIntent } from '#wire/app.ts'
import type { ReleaseView, releaseIntent } from '#wire/release.ts'

export interface Problem {
  readonly status: number
  readonly code: string
  readonly title?: string
  readonly detail?: string
  readonly [extension: string]: unknown
}

export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly problem: Problem
  constructor(call: string, problem: Problem) {
    super(`${call}: ${problem.status} ${problem.code}: ${problem.detail ?? problem.title ?? ''}`)
    this.problem = problem
  }
}

export interface CallOptions {
  /** `active`: answer once every agent serves the change. */
  readonly wait?: 'active'
  readonly timeoutMs?: number
  readonly idempotencyKey?: string
  readonly ifMatch?: string
  readonly signal?: AbortSignal
}

export type AppInput = z.input<typeof appIntent>
export type ReleaseInput = z.input<typeof releaseIntent>
export type Step =
  | 'promote'
  | 'pause'
  | 'resume'
  | 'approve'
  | 'abort'
  | 'rollback'
  | 'decommission'

/** Longest time that a call without a `timeoutMs` of its own may take. */
const callMs = 30_000

export function createControlClient(url: string, token: string) {
  async function send(
    method: string,
    path: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<{ readonly body: unknown; readonly repeated: boolean }> {
    const query = new URLSearchParams()
    if (options.wait) query.set('wait', options.wait)
    if (options.wait && options.timeoutMs) query.set('timeout', `${options.timeoutMs}ms`)
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (method !== 'GET') headers['idempotency-key'] = options.idempotencyKey ?? randomUUID()
    if (options.ifMatch) headers['if-match'] = options.ifMatch
    const bound = AbortSignal.timeout((options.timeoutMs ?? callMs) + 5_000)
    const response = await fetch(`${url}${path}${query.size > 0 ? `?${query}` : ''}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: options.signal ? AbortSignal.any([options.signal, bound]) : bound,
    })
    const text = await response.text()
    const answer = text === '' ? null : (JSON.parse(text) as unknown)
    if (!response.ok) throw new Rejected(`${method} ${path}`, answer as Problem)
    return { body: answer, repeated: response.headers.get('idempotent-replayed') === 'true' }
  }

  const call = async <Answer>(...sent: Parameters<typeof send>): Promise<Answer> =>
    (await send(...sent)).body as Answer

  return {
    url,
    token,
    send,
    call,
    putApp: (app: string, intent: AppInput, options?: CallOptions) =>
      call<{ readonly app: string }>('PUT', `/v1/apps/${app}`, intent, options),
    getApp: (app: string) => call<AppIntent>('GET', `/v1/apps/${app}`),
    deleteApp: (app: string) => call<unknown>('DELETE', `/v1/apps/${app}`),
    createRelease: (intent: ReleaseInput, options?: CallOptions) =>
      call<ReleaseView>('POST', '/v1/releases', intent, options),
    getRelease: (id: string) => call<ReleaseView>('GET', `/v1/releases/${id}`),
    /** Of an app, newest first. */
    releases: async (app: string) =>
      (await call<{ releases: readonly ReleaseView[] }>('GET', `/v1/releases?app=${app}`)).releases,
    step: (id: string, step: Step, options?: CallOptions) =>
      call<ReleaseView>('POST', `/v1/releases/${id}/${step}`, undefined, options),
    clusters: () => call<unknown>('GET', '/v1/clusters'),
    agents: (cluster: string) => call<unknown>('GET', `/v1/clusters/${cluster}/agents`),
    snapshot: (cluster: string) => call<unknown>('GET', `/v1/clusters/${cluster}/snapshot`),
  }
}

export type ControlClient = ReturnType<typeof createControlClient>
