/** `freeze`: times in which no release takes more public traffic. */
import type { Command } from 'commander'
import { type Freeze, freezes } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { usage } from '../failure.ts'
import { list } from '../lists.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'
import { instant, parseDuration } from '../times.ts'

interface SetFlags extends ChangeFlags {
  readonly from?: string
  readonly until: string
  readonly every?: string
  readonly app?: string[]
  readonly cluster?: string[]
}

export function freezeNoun(program: Command, session: Session): void {
  const noun = program
    .command('freeze')
    .description('times in which no release takes more public traffic; going back is allowed')
  noun
    .command('list')
    .description('list the freeze windows')
    .action(async () => {
      const answer = await session.client.get('/v1/freezes')
      const { freezes: all } = understood(freezes, answer, 'GET /v1/freezes')
      session.rows(answer, all, columns, 'No freeze windows.')
    })
  withDryRun(
    noun
      .command('set')
      .description('set a freeze window, or replace it; needs its --reason')
      .argument('<name>')
      .option('--from <instant>', 'when it begins: 2026-12-24T16:00:00+01:00. Left out: now')
      .requiredOption('--until <instant>', 'when it ends; or for how long, as 2h')
      .option('--every <period>', 'it comes again: day or week')
      .option('--app <apps>', 'only these, comma-separated', list)
      .option('--cluster <clusters>', 'only these, comma-separated', list),
  ).action(async (name: string, flags: SetFlags) => {
    const { every, app, cluster } = flags
    const { reason } = session
    if (reason === null) throw usage('a freeze needs its --reason: who is refused by it sees it')
    const from = flags.from ?? instant(session.desk.nowMs())
    const forMs = parseDuration(flags.until)
    const until = forMs === null ? flags.until : instant(Date.parse(from) + forMs)
    const body = {
      from,
      until,
      reason,
      ...(every && { every }),
      ...(app && { apps: app }),
      ...(cluster && { clusters: cluster }),
    }
    const path = `/v1/freezes/${encodeURIComponent(name)}`
    const answer = await ask(session, flags, { method: 'PUT', path, body })
    if (answer !== null)
      session.print(answer, () => [`${name}: frozen from ${from} until ${until}.`])
  })
  withDryRun(noun.command('lift').description('lift a freeze window').argument('<name>')).action(
    async (name: string, flags: ChangeFlags) => {
      const path = `/v1/freezes/${encodeURIComponent(name)}`
      const answer = await ask(session, flags, { method: 'DELETE', path })
      if (answer !== null) session.print(answer, () => [`${name} is lifted.`])
    },
  )
}

const columns: readonly Column<Freeze>[] = [
  { title: 'FREEZE', cell: ({ name }) => name, paint: () => 'bold' },
  {
    title: 'NOW',
    cell: ({ active }) => (active ? 'holds' : 'no'),
    paint: (text) => (text === 'holds' ? 'yellow' : 'dim'),
  },
  { title: 'FROM', cell: ({ from }) => from, spare: 2 },
  { title: 'UNTIL', cell: ({ until }) => until },
  { title: 'EVERY', cell: ({ every }) => every, spare: 5 },
  { title: 'APPS', cell: ({ apps }) => apps?.join(', ') ?? 'all', spare: 3 },
  { title: 'CLUSTERS', cell: ({ clusters }) => clusters?.join(', ') ?? 'all', spare: 4 },
  { title: 'REASON', cell: ({ reason }) => reason, spare: 1 },
  { title: 'SET BY', cell: ({ setBy }) => setBy, wide: true },
]
