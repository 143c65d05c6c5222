/** `release`: listed, shown, watched; how one is made and moved is in files of their own. */
import type { Command } from 'commander'
import { type Release, releases, release as shape } from '../answers.ts'
import { untilOption } from '../live/flags.ts'
import type { Goal } from '../live/outcome.ts'
import { watchRelease } from '../live/watch.ts'
import { paintOf } from '../paint.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'
import { durationMs } from '../times.ts'
import { releaseCreate } from './release-create.ts'
import { releaseLines } from './release-lines.ts'
import { releaseLink } from './release-link.ts'
import { releaseMotions } from './release-motions.ts'

export function releaseNoun(program: Command, session: Session): void {
  const noun = program.command('release').description('versions on their way to live, and back')
  noun
    .command('list')
    .description('list the releases, newest first')
    .argument('[app]')
    .option('--phase <phase>', 'only those: live, ready, aborted …')
    .option('--limit <count>', 'at most so many', '50')
    .action(async (app: string | undefined, flags: { phase?: string; limit: string }) => {
      const answer = await session.client.get('/v1/releases', { ...flags, app })
      const { releases: all } = understood(releases, answer, 'GET /v1/releases')
      // None may mean that the name is misspelt: then this is refused.
      if (app && all.length === 0) await session.client.get(`/v1/apps/${encodeURIComponent(app)}`)
      session.rows(answer, all, columnsFor(session), 'No releases answer to this.')
    })
  noun
    .command('show')
    .description('show a release: phase, steps, agents, ledger, and why it waits')
    .argument('<id>')
    .action(async (id: string) => {
      const path = `/v1/releases/${encodeURIComponent(id)}`
      const answer = await session.client.get(path)
      const release = understood(shape, answer, `GET ${path}`)
      session.print(answer, () => releaseLines(session, release))
    })
  releaseCreate(noun, session)
  noun
    .command('watch')
    .description('watch a release until it is live; Ctrl-C leaves it going on')
    .argument('<id>')
    .addOption(untilOption())
    .option('--timeout <duration>', 'give up watching after this long', durationMs)
    .action((id: string, { until, timeout }: { until: Goal; timeout?: number }) =>
      watchRelease(session, { id, until, patient: true, timeoutMs: timeout ?? null }),
    )
  releaseMotions(noun, session)
  releaseLink(noun, session)
}

const shares = ({ weights }: Release): string =>
  [...new Set(Object.values(weights))].map((weight) => `${Math.round(weight)} %`).join(' / ')

const columnsFor = (session: Session): Column<Release>[] => [
  { title: 'RELEASE', cell: ({ id }) => id, paint: () => 'bold' },
  { title: 'VERSION', cell: ({ version }) => version },
  { title: 'STATUS', cell: ({ status }) => status, paint: paintOf },
  { title: 'TRAFFIC', cell: shares, align: 'right', spare: 3 },
  { title: 'STRATEGY', cell: ({ strategy }) => strategy, spare: 5 },
  { title: 'CLUSTERS', cell: ({ clusters }) => clusters.join(', '), spare: 6 },
  { title: 'CREATED', cell: ({ createdAtMs }) => session.when(createdAtMs), spare: 2 },
  { title: 'BY', cell: ({ createdBy }) => createdBy, spare: 4 },
  { title: 'WAITS FOR', cell: ({ waiting }) => waiting?.message ?? '', spare: 1 },
  { title: 'IN USE', cell: ({ ledger }) => ledger.inUse, wide: true, align: 'right' },
]
