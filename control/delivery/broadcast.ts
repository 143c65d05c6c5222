/**
 * Server-sent events for many subscribers (WHATWG HTML §9.2). A message is encoded once and shared. Each
 * subscriber may fall behind by a bounded number of bytes; a slower one is cut off, comes back and reads
 * the newest state, because announcements are worth nothing late.
 */
import { limits } from '#wire/limits.ts'

/** A few of the largest announcements. */
const queueBytesMax = 4 * limits.announcementBytes

const encoder = new TextEncoder()
const quiet = encoder.encode(': quiet\n\n')
const dataField = encoder.encode('data: ')
const messageEnd = encoder.encode('\n\n')

export interface Broadcast {
  /** `first`, when given, is what the subscriber sees at once. */
  subscribe(first: Uint8Array | null): ReadableStream<Uint8Array>
  /** `data` is one line. */
  send(data: Uint8Array): void
  subscriberCount(): number
  close(): void
}

export function createBroadcast(heartbeatMs: number): Broadcast {
  const subscribers = new Set<ReadableStreamDefaultController<Uint8Array>>()
  let heartbeat: ReturnType<typeof setInterval> | null = null

  function deliver(bytes: Uint8Array): void {
    for (const subscriber of subscribers) {
      if ((subscriber.desiredSize ?? 0) >= bytes.byteLength) subscriber.enqueue(bytes)
      else {
        drop(subscriber)
        subscriber.error(new Error('the subscriber is too slow'))
      }
    }
  }
  function drop(subscriber: ReadableStreamDefaultController<Uint8Array>): void {
    subscribers.delete(subscriber)
    if (subscribers.size > 0 || heartbeat === null) return
    clearInterval(heartbeat)
    heartbeat = null
  }
  return {
    subscribe(first) {
      let mine: ReadableStreamDefaultController<Uint8Array> | null = null
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            mine = controller
            subscribers.add(controller)
            heartbeat ??= setInterval(() => deliver(quiet), heartbeatMs)
            controller.enqueue(first ? message(first) : quiet)
          },
          cancel() {
            if (mine) drop(mine)
          },
        },
        new ByteLengthQueuingStrategy({ highWaterMark: queueBytesMax }),
      )
    },
    send: (data) => deliver(message(data)),
    subscriberCount: () => subscribers.size,
    close() {
      for (const subscriber of subscribers) {
        drop(subscriber)
        subscriber.close()
      }
    },
  }
}

function message(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(dataField.length + data.length + messageEnd.length)
  bytes.set(dataField)
  bytes.set(data, dataField.length)
  bytes.set(messageEnd, dataField.length + data.length)
  return bytes
}
