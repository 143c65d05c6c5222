/** `events`: what happens, as it happens, one line a record; JSON lines for programs. */
import type { Command } from 'commander'
import { agentPlace } from '#wire/names.ts'
import { ready, record } from '../answers.ts'
import { plain } from '../desk.ts'
import { follow, type StreamMessage } from '../live/follow.ts'
import { wholeNumber } from '../request-asked.ts'
import { type Session, understood } from '../session.ts'

export function eventsNoun(program: Command, session: Session): void {
  program
    .command('events')
    .description('follow what happens, until Ctrl-C; with -o json one JSON document a line')
    .option('--after <position>', 'start after this record; 0 is the beginning. Left out: now')
    .option('--until <position>', 'end after this record')
    .option('--app <app>', 'only records that name this app')
    .action(async (flags: { after?: string; until?: string; app?: string }) => {
      const after =
        flags.after === undefined
          ? (await session.read(ready, '/readyz')).revision
          : wholeNumber(flags.after, '--after')
      const until = flags.until === undefined ? null : wholeNumber(flags.until, '--until')
      if (until !== null && after >= until) return
      const end = new AbortController()
      const { interrupted } = session.desk
      await follow({
        client: session.client,
        after,
        signal: AbortSignal.any([interrupted, end.signal]),
        onLost: (reason) => session.say(`lost control: ${reason}; trying again …`),
        onMessage(message) {
          if (until === null || message.id <= until) show(session, message, flags.app)
          if (until !== null && message.id >= until) end.abort()
        },
      })
    })
}

function show(session: Session, { data }: StreamMessage, app: string | undefined): void {
  const value = JSON.parse(data) as unknown
  const { position, at, actor, events } = understood(record, value, 'GET /v1/events')
  if (app !== undefined && !events.some((event) => isAbout(event, app))) return
  const { format, desk, paint } = session
  if (format === 'yaml') session.print([value], () => [])
  if (format === 'json') desk.out.write(`${data}\n`)
  if (format === 'json' || format === 'yaml') return
  const words = events.map((event) => {
    const { release, app, cluster, agent, name } = event
    const place = agent ? agentPlace({ cluster: `${cluster}`, agent: `${agent}` }) : cluster
    const subject = release ?? app ?? place ?? name ?? ''
    return `${event.type}${typeof subject === 'string' && subject ? ` ${plain(subject)}` : ''}`
  })
  const time = paint('dim', new Date(at).toISOString())
  desk.out.write(`${String(position).padStart(6)}  ${time}  ${plain(actor)}  ${words.join(', ')}\n`)
}

const isAbout = (event: Readonly<Record<string, unknown>>, app: string): boolean =>
  event.app === app ||
  (typeof event.release === 'string' && event.release.replace(/-r\d+$/, '') === app)
