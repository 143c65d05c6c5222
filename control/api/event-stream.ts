/**
 * The log as server-sent events (WHATWG HTML §9.2): one message per record, its id the log position, so
 * that `Last-Event-ID` resumes without a gap. The stream is pulled: a reader that does not read costs one
 * page of records and a position, nothing more; silence is broken by a comment.
 */
import { limits } from '#wire/limits.ts'
import type { FollowedLog } from '../log/followed.ts'
import type { LogRecord } from '../log/log.ts'

const pageRecords = 64
const encoder = new TextEncoder()

export interface EventStreamOptions {
  readonly log: Pick<FollowedLog, 'read' | 'recordAfter' | 'isClosed'>
  /** Position of the last record the reader has. */
  readonly after: number
  /** JSON of one record, as the reader may see it. */
  readonly render: (record: LogRecord) => string
  /** Asked before each message: the stream ends when the reader may not read any more, or the log is closed. */
  readonly stillMay?: () => boolean
  readonly heartbeatMs?: number
  /** Called once, when the reader has gone or the log could not be read. */
  readonly onEnd?: () => unknown
}

export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { log, render, heartbeatMs = limits.reportIntervalMs * 5 } = options
  const cancelled = new AbortController()
  let position = options.after
  const end = () => {
    if (!cancelled.signal.aborted) options.onEnd?.()
    cancelled.abort()
  }
  const maySend = () => !log.isClosed() && (options.stillMay?.() ?? true)
  /** Null once the log is closed. */
  const nextText = async (): Promise<string | null> => {
    if (log.isClosed()) return null
    let records = await log.read(position, pageRecords)
    if (records.length === 0) {
      if (!(await log.recordAfter(position, heartbeatMs, cancelled.signal))) return ': quiet\n\n'
      if (log.isClosed()) return null
      records = await log.read(position, pageRecords)
    }
    position = records.at(-1)?.position ?? position
    return records.map((record) => message(record, render)).join('')
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: (controller) => {
        controller.enqueue(encoder.encode(`retry: 1000\n: after ${position}\n\n`))
      },
      async pull(controller) {
        try {
          const text = await nextText()
          if (cancelled.signal.aborted) return
          if (text !== null && maySend()) controller.enqueue(encoder.encode(text))
          else {
            end()
            controller.close()
          }
        } catch (error) {
          end()
          throw error
        }
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  )
}

/** `render` gives one line: JSON has no raw line ends. */
const message = (record: LogRecord, render: (record: LogRecord) => string): string =>
  `id: ${record.position}\nevent: record\ndata: ${render(record)}\n\n`
