/**
 * One attempt to deliver one message: signed by the Standard Webhooks specification, one POST, bounded in
 * time. Redirects are not followed, and nothing of the answer but its status is looked at.
 */
import type { Message } from './message.ts'

export interface Attempt {
  readonly ms: number
  readonly status: number | null
  /** Null when it was taken. */
  readonly reason: string | null
}

export interface Destination {
  readonly url: string
  readonly secret: string
}

export interface SendOptions {
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export async function send(
  { url, secret }: Destination,
  { id, body }: Message,
  { now, monotonicMs, timeoutMs, signal }: SendOptions,
): Promise<Attempt> {
  // Loaded only when there is a webhook: 4 ms of each start.
  const { Webhook } = await import('standardwebhooks')
  const at = new Date(now())
  const startedMs = monotonicMs()
  const passedMs = () => Math.round(monotonicMs() - startedMs)
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'switchyard',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign(id, at, body),
      },
      body,
      signal: AbortSignal.any([signal, timeout]),
    })
    const { status } = response
    // Whatever it says is not read: the connection is closed instead.
    await response.body?.cancel().catch(() => {})
    return { ms: passedMs(), status, reason: response.ok ? null : refusalOf(status) }
  } catch (error) {
    const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : causeOf(error)
    return { ms: passedMs(), status: null, reason }
  }
}

function refusalOf(status: number): string {
  if (status >= 300 && status < 400) return `answered ${status}; redirects are not followed`
  return status === gone ? 'answered 410: it wants no more messages' : `answered ${status}`
}

export const gone = 410

/** Codes such as ECONNREFUSED, without the address: its path may be a password. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } }
  return typeof cause?.code === 'string' ? `no connection: ${cause.code}` : 'no connection'
}
