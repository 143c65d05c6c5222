/**
 * Reading many subjects of a cluster's stream with few requests: NATS' batched direct get (ADR-31,
 * server ≥ 2.11). Who carries the requests is left open, so control and agents share the paging. A batch
 * ends with an empty message that counts what is still pending: without it the answer was cut, and cut
 * answers throw, because a missing message would look like an empty place.
 */

/** One reply, without the client library's types. */
export interface DirectReply {
  /** 0 for a stored message; 204 at the end of a batch; else an error. */
  readonly status: number
  readonly description: string
  /** `''` when the reply has no such header. */
  field(name: string): string
  readonly data: Uint8Array
}

/** A client library's message, as far as a reply needs it. */
interface ClientMessage {
  readonly headers?: {
    readonly code: number
    readonly description: string
    get(name: string): string
  }
  readonly data: Uint8Array
}

export const replyOf = ({ headers, data }: ClientMessage): DirectReply => ({
  status: headers?.code ?? 0,
  description: headers?.description ?? '',
  field: (name) => headers?.get(name) ?? '',
  data,
})

export interface StoredMessage {
  readonly subject: string
  readonly sequence: number
  /** When the server stored it, by its clock. */
  readonly atMs: number
  readonly data: Uint8Array
}

/** Asks for this much at once: below the 64 MiB that a server lets pend for one connection. */
const batchBytesMax = 8_388_608
/** 256 buckets of the largest size, and some. */
const batchesMax = 256

const encoder = new TextEncoder()

/** `request` sends the payload to the stream's direct get and yields the replies until one is empty. */
export async function* directGet(
  request: (payload: Uint8Array) => AsyncIterable<DirectReply>,
  subjects: readonly string[],
): AsyncGenerator<StoredMessage> {
  let from = 0
  for (let batch = 0; batch < batchesMax; batch++) {
    const asked = { multi_last: subjects, max_bytes: batchBytesMax, ...(from > 0 && { seq: from }) }
    let pending: number | null = null
    for await (const reply of request(encoder.encode(JSON.stringify(asked)))) {
      if (reply.status === 404) return
      if (reply.status === 204) {
        pending = Number(reply.field('Nats-Num-Pending'))
        break
      }
      if (reply.status !== 0) {
        throw new Error(`direct get: ${reply.status} ${reply.description}`)
      }
      const sequence = Number(reply.field('Nats-Sequence'))
      from = sequence + 1
      const atMs = Date.parse(reply.field('Nats-Time-Stamp'))
      yield { subject: reply.field('Nats-Subject'), sequence, atMs, data: reply.data }
    }
    if (pending === null) throw new Error('direct get: the answer was cut')
    if (pending === 0) return
  }
  throw new Error(`direct get: not done after ${batchesMax} batches`)
}
