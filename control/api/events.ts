/** What has happened, as server-sent events resumed by `Last-Event-ID` (a log position). */
import { z } from 'zod'
import { isSecretField } from '../domain/view/secret-fields.ts'
import type { FollowedLog } from '../log/followed.ts'
import type { LogRecord } from '../log/log.ts'
import { eventStream } from './event-stream.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

const position = z
  .string()
  .regex(/^\d{1,15}$/, 'a log position: a whole number')
  .transform(Number)

/** Streams open at once; each holds one connection and one page of records. */
export const streamsMax = 256

export function defineEvents(
  define: Define,
  log: Pick<FollowedLog, 'read' | 'recordAfter' | 'isClosed'>,
): void {
  let open = 0
  define(
    {
      method: 'get',
      path: '/v1/events',
      tag: 'events',
      summary: 'Follow what happens, as server-sent events',
      description:
        'Each message is one record of the log: its id is the position, its data the events of one turn. ' +
        'Starts after `Last-Event-ID` or `after`, and without them at the beginning.',
      access: 'read',
      query: z.strictObject({
        after: position.optional().meta({ description: 'Position to start after.' }),
      }),
      headers: z.object({ 'last-event-id': position.optional() }),
      answers: {
        200: { description: 'The stream.', schema: z.string(), mediaType: 'text/event-stream' },
      },
      rejections: ['overloaded'],
    },
    ({ query, headers, request, stillMay }) => {
      const after = headers['last-event-id'] ?? query.after ?? 0
      if (open >= streamsMax) return problem(tooMany)
      const stream = () => {
        open++
        return eventStream({ log, after, render: renderRecord, stillMay, onEnd: () => open-- })
      }
      return new Response(request.method === 'HEAD' ? null : stream(), {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      })
    },
  )
}

const tooMany = {
  code: 'overloaded',
  detail: `${streamsMax} event streams are open.`,
  fix: 'Close one, or read the same stream for several purposes.',
} as const

/** Who did what when: the record without its answer and without the hashes of secrets. */
export function renderRecord({ position, text }: LogRecord): string {
  const { at, actor, input, events } = JSON.parse(text, (key, value) =>
    isSecretField(key) ? undefined : value,
  )
  return JSON.stringify({ position, at, actor, input, events })
}
