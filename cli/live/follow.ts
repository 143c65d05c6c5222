/**
 * Follows `/v1/events`: server-sent events, resumed by `Last-Event-ID` after every loss, without an end of
 * its own. A stream that says nothing for longer than control's heartbeat is lost and opened again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { limits } from '#wire/limits.ts'
import { type Client, stopped } from '../client.ts'
import { Failure } from '../failure.ts'

export interface StreamMessage {
  readonly id: number
  readonly data: string
}

/** Control says something at least every five report intervals. */
const quietMs = limits.reportIntervalMs * 15
const messageCharsMax = 8 * 1024 * 1024
const pauseMaxMs = 5_000

export interface FollowOptions {
  readonly client: Client
  /** Position of the log to start after. */
  readonly after: number
  readonly signal: AbortSignal
  onMessage(message: StreamMessage): void
  /** The stream is lost and will be tried again. */
  onLost?(reason: string): void
}

/** Ends when `signal` aborts; fails when control refuses (no token, no right). */
export async function follow(options: FollowOptions): Promise<void> {
  const { client, signal } = options
  let position = options.after
  let failures = 0
  while (!signal.aborted) {
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': String(position) }
      const response = await client.open('/v1/events', headers, signal)
      for await (const message of messagesOf(response, signal)) {
        failures = 0
        if (message === null) continue
        position = message.id
        options.onMessage(message)
      }
    } catch (error) {
      if (signal.aborted) return
      const refused = error instanceof Failure && error.parts.ending !== 'unreachable'
      if (refused) throw error
      options.onLost?.(error instanceof Error ? error.message : String(error))
    }
    failures++
    const pauseMs = Math.min(pauseMaxMs, 100 * 2 ** failures) * (0.5 + Math.random() / 2)
    await delay(pauseMs, undefined, { signal }).catch(() => {})
  }
}

/** Null: a sign of life. */
async function* messagesOf(
  response: Response,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage | null> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  if (signal.aborted) cancel()
  signal.addEventListener('abort', cancel)
  let held = ''
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), quietMs)
      if (done) return
      held += value
      if (held.length > messageCharsMax) throw stopped()
      const parts = held.split('\n\n')
      held = parts.pop()!
      for (const part of parts) yield messageOf(part)
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function messageOf(part: string): StreamMessage | null {
  const lines = part.split('\n')
  const field = (name: string) =>
    lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
  const [id, data] = [Number(field('id')), field('data')]
  return data === undefined || !Number.isInteger(id) ? null : { id, data }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController()
  const late = delay(ms, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`nothing was heard for ${ms / 1_000} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
