/**
 * One cluster's stream: exists as agreed, takes messages with an acknowledgement, gives back the newest
 * of each subject by direct get. The stream is a cache: it keeps one message a subject and may lose what
 * it acknowledged last (the server syncs its files every two minutes by default, and control would not
 * wait for more): the publisher compares and mends whenever the connection comes back.
 */
import { headers as messageHeaders, type NatsConnection, NatsError, RequestStrategy } from 'nats'
import { type DirectReply, directGet, replyOf, type StoredMessage } from '#wire/direct-get.ts'
import { limits } from '#wire/limits.ts'
import { streamApi, streamName, subjects } from '#wire/subjects.ts'
import { bucketCount } from '#wire/tree.ts'
import { StaleWriter } from './transport.ts'

export interface ClusterStream {
  /** Resolves with the message's sequence once it is stored. `expected`: the subject's last one. */
  publish(subject: string, data: Uint8Array, expected?: number): Promise<number>
  get(subject: string): Promise<StoredMessage | null>
  getAll(filter: string): AsyncIterable<StoredMessage>
  /** How long ago the server stored what it stored at `atMs` of its own clock; never below 0. */
  ageMs(atMs: number): number
}

export interface StreamPlace {
  /** Copies of the stream; 1 on a single server. */
  readonly replicas: number
  /** JetStream domain of the leaf that keeps it; left out: the server that control is connected to. */
  readonly domain?: string
}

const requestWithinMs = 3_000
const batchWithinMs = 10_000

/** JetStream API error codes: stream not found; wrong last sequence, in two wordings. */
const streamMissing = 10059
const wrongLastSequence: readonly number[] = [10071, 10164]

const encoder = new TextEncoder()

export function openClusterStream(
  connection: NatsConnection,
  cluster: string,
  { replicas, domain }: StreamPlace,
): ClusterStream {
  const name = streamName(cluster)
  const jetStream = streamApi(domain)
  const directGetSubject = `${jetStream}.DIRECT.GET.${name}`
  const wanted = streamConfig(cluster, replicas)
  let ensured: Promise<void> | null = null
  /** The server's clock less ours: the two need not agree. */
  let clockOffsetMs = 0

  async function api(verb: string, body?: object): Promise<ApiAnswer> {
    const payload = body ? encoder.encode(JSON.stringify(body)) : undefined
    const subject = `${jetStream}.STREAM.${verb}.${name}`
    const answer = await connection.request(subject, payload, { timeout: requestWithinMs })
    return answer.json<ApiAnswer>()
  }
  async function ensure(): Promise<void> {
    const info = await api('INFO')
    if (info.ts) clockOffsetMs = Date.parse(info.ts) - Date.now()
    if (info.error && info.error.err_code !== streamMissing) throw apiError('INFO', info.error)
    if (!info.error && agrees(info.config ?? {}, wanted)) return
    const verb = info.error ? 'CREATE' : 'UPDATE'
    const { error } = await api(verb, wanted)
    if (error) throw apiError(verb, error)
  }
  /** Nobody answers when the stream is gone (wiped, deleted): it is made again, and asked once more. */
  async function onStream<T>(work: () => Promise<T>): Promise<T> {
    ensured ??= ensure()
    try {
      await ensured
      return await work()
    } catch (error) {
      ensured = null
      if (!(error instanceof NatsError) || error.code !== '503') throw error
    }
    ensured = ensure()
    await ensured
    return work()
  }

  return {
    publish: (subject, data, expected) =>
      onStream(async () => {
        const fields = messageHeaders()
        fields.set('Nats-Expected-Stream', name)
        if (expected !== undefined) {
          fields.set('Nats-Expected-Last-Subject-Sequence', String(expected))
        }
        const options = { timeout: requestWithinMs, headers: fields }
        const answer = await connection.request(subject, data, options)
        const { seq, error } = answer.json<PublishAnswer>()
        if (error && wrongLastSequence.includes(error.err_code)) {
          throw new StaleWriter(`${subject}: ${error.description}`)
        }
        if (error || seq === undefined) throw apiError(subject, error)
        return seq
      }),
    get: (subject) =>
      onStream(async () => {
        const asked = `${directGetSubject}.${subject}`
        const answer = await connection.request(asked, undefined, { timeout: requestWithinMs })
        const code = answer.headers?.code ?? 0
        if (code === 404) return null
        if (code !== 0) throw new Error(`direct get: ${code} ${answer.headers?.description}`)
        const sequence = Number(answer.headers?.get('Nats-Sequence'))
        const atMs = Date.parse(answer.headers?.get('Nats-Time-Stamp') ?? '')
        return { subject, sequence, atMs, data: answer.data }
      }),
    async *getAll(filter) {
      await onStream(async () => {})
      yield* directGet((payload) => batch(connection, directGetSubject, payload), [filter])
    },
    ageMs: (atMs) => Math.max(0, Date.now() + clockOffsetMs - atMs) || 0,
  }
}

interface ApiError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

interface ApiAnswer {
  readonly error?: ApiError
  readonly config?: Readonly<Record<string, unknown>>
  /** The server's clock. */
  readonly ts?: string
}

interface PublishAnswer {
  readonly error?: ApiError
  readonly seq?: number
}

const apiError = (what: string, error?: ApiError) =>
  new Error(`JetStream, ${what}: ${error ? `${error.err_code} ${error.description}` : 'no answer'}`)

/**
 * One message a subject, on disk. New subjects are refused beyond what a cluster can need, instead of
 * the oldest message being dropped for them: a junk report must not push a bucket out.
 */
const streamConfig = (cluster: string, replicas: number) => ({
  name: streamName(cluster),
  subjects: [subjects(cluster).all],
  retention: 'limits',
  storage: 'file',
  discard: 'new',
  max_msgs_per_subject: 1,
  max_msgs: 2 + bucketCount + 2 * limits.agentsPerCluster,
  allow_direct: true,
  num_replicas: replicas,
})

const agrees = (found: Readonly<Record<string, unknown>>, wanted: object): boolean =>
  Object.entries(wanted).every(
    ([key, value]) => JSON.stringify(found[key]) === JSON.stringify(value),
  )

async function* batch(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
): AsyncGenerator<DirectReply> {
  const replies = await connection.requestMany(subject, payload, {
    strategy: RequestStrategy.SentinelMsg,
    maxWait: batchWithinMs,
  })
  for await (const reply of replies) yield replyOf(reply)
}
