/**
 * A session over NATS: a plain subscription, direct gets on the cluster's stream, acknowledged reports.
 * Connects when something is asked of it; a connection that breaks is given up with all that was under
 * way, and the next call makes another: the caller's jittered retry is the only one.
 */
import { connect, type NatsConnection, RequestStrategy } from 'nats'
import { type DirectReply, directGet, replyOf } from '#wire/direct-get.ts'
import { limits } from '#wire/limits.ts'
import { inboxPrefix, streamName, subjects } from '#wire/subjects.ts'
import { bucketCount } from '#wire/tree.ts'
import type { Session } from './session.ts'

export interface NatsSessionOptions {
  readonly servers: readonly string[]
  readonly user: string
  readonly password: string
  readonly cluster: string
  readonly agent: string
}

const connectWithinMs = 3_000
const requestWithinMs = 3_000
const batchWithinMs = 10_000
/** A dead peer is noticed when two pings had no answer and a third is due: within 10 s. */
const pingIntervalMs = 3_000

export function createNatsSession(options: NatsSessionOptions): Session {
  const { cluster, agent } = options
  const own = subjects(cluster)
  const stream = streamName(cluster)
  let connecting: Promise<NatsConnection> | null = null
  let closed = false

  function connection(): Promise<NatsConnection> {
    if (closed) return Promise.reject(new Error('the session is closed'))
    connecting ??= open()
    return connecting
  }
  async function open(): Promise<NatsConnection> {
    try {
      const made = await connect(connectOptions(options))
      made.closed().then(
        () => {
          connecting = null
        },
        () => {
          connecting = null
        },
      )
      if (closed) await made.close()
      return made
    } catch (cause) {
      connecting = null
      throw new Error(`NATS cannot be reached at ${options.servers.join(', ')}`, { cause })
    }
  }

  /** The newest message of a subject; null when there is none. Rejects when there is no stream. */
  async function last(subject: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const nats = await unlessAborted(connection(), signal)
    const asked = `$JS.API.DIRECT.GET.${stream}.${subject}`
    const answer = await unlessAborted(
      nats.request(asked, undefined, { timeout: requestWithinMs }),
      signal,
    )
    const status = answer.headers?.code ?? 0
    if (status === 404) return null
    if (status !== 0) throw new Error(`${subject}: ${status} ${answer.headers?.description}`)
    return answer.data
  }

  return {
    isStore: true,
    async subscribe(onAnnouncement, signal) {
      const nats = await unlessAborted(connection(), signal).catch((error: unknown) => {
        if (signal.aborted) return null
        throw error
      })
      if (nats === null || signal.aborted) return
      const { promise: broken, reject, resolve } = Promise.withResolvers<void>()
      const subscription = nats.subscribe(own.header, {
        callback: (error, message) => {
          if (error) return reject(error)
          try {
            onAnnouncement(message.data)
          } catch (bug) {
            reject(bug) // thrown into the client it would stop its reader
          }
        },
      })
      signal.addEventListener('abort', () => resolve(), { once: true })
      const ended = nats.closed().then((error) => {
        throw new Error('the connection to NATS broke', { cause: error })
      })
      try {
        await Promise.race([broken, ended])
      } finally {
        if (!nats.isClosed()) subscription.unsubscribe()
      }
    },
    header: (signal) => last(own.header, signal),
    index: (signal) => last(own.index, signal),
    async buckets(ids, signal) {
      const found = new Map<number, Uint8Array>()
      if (ids.length === 0) return found
      const nats = await unlessAborted(connection(), signal)
      const asked = ids.length >= bucketCount ? [own.bucket('*')] : ids.map(own.bucket)
      const prefixLength = own.bucket('').length
      for await (const { subject, data } of directGet(
        (payload) => batch(nats, stream, payload),
        asked,
      )) {
        signal.throwIfAborted()
        if (data.length <= limits.bucketBytes) found.set(Number(subject.slice(prefixLength)), data)
      }
      return found
    },
    async report(bytes, signal) {
      const nats = await unlessAborted(connection(), signal)
      const sent = nats.request(own.report(agent), bytes, { timeout: requestWithinMs })
      const answer = (await unlessAborted(sent, signal)).json<{ error?: { description: string } }>()
      if (answer.error) throw new Error(`the report was not stored: ${answer.error.description}`)
    },
    async close() {
      closed = true
      const open = await connecting?.catch(() => null)
      await open?.close()
    },
  }
}

const connectOptions = ({ servers, user, password, cluster, agent }: NatsSessionOptions) => ({
  servers: [...servers],
  user,
  pass: password,
  name: `switchyard agent ${agent}`,
  inboxPrefix: inboxPrefix(cluster),
  reconnect: false,
  timeout: connectWithinMs,
  pingInterval: pingIntervalMs,
  maxPingOut: 2,
  noAsyncTraces: true,
})

async function* batch(
  nats: NatsConnection,
  stream: string,
  payload: Uint8Array,
): AsyncGenerator<DirectReply> {
  const replies = await nats.requestMany(`$JS.API.DIRECT.GET.${stream}`, payload, {
    strategy: RequestStrategy.SentinelMsg,
    maxWait: batchWithinMs,
  })
  for await (const reply of replies) yield replyOf(reply)
}

/** The client has no signals: an aborted wait is left alone, and its own bound ends it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
