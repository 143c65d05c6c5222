/** `explain`, `blame`, `diff`, `audit`: why a request goes where it goes, since when, and who did what. */
import type { Command } from 'commander'
import {
  type AuditEntry,
  audit,
  blame,
  diff,
  type Explanation,
  explanation,
  fleetDiff,
} from '../answers.ts'
import { plain } from '../desk.ts'
import { Ended, usage } from '../failure.ts'
import { type RequestFlags, requestOf, withRequest } from '../request-asked.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'
import { diffDocuments } from './apply.ts'

export function historyNoun(program: Command, session: Session): void {
  withRequest(
    program
      .command('explain')
      .description('why a request goes where it goes: candidates, rewrite and release'),
  ).action(async (cluster: string, address: string, flags: RequestFlags) => {
    const path = `/v1/clusters/${encodeURIComponent(cluster)}/explain`
    const answer = await session.client.call('POST', path, { body: requestOf(address, flags) })
    session.print(answer, () => explained(session, understood(explanation, answer, `POST ${path}`)))
  })
  withRequest(
    program
      .command('blame')
      .description('since which record a request is answered as it is, and what it got before'),
  ).action(async (cluster: string, address: string, flags: RequestFlags) => {
    const path = `/v1/clusters/${encodeURIComponent(cluster)}/blame`
    const answer = await session.client.call('POST', path, { body: requestOf(address, flags) })
    session.print(answer, () => {
      const found = understood(blame, answer, `POST ${path}`)
      const { since, intent, before } = found
      return session.fields([
        ['answer', answerWords(found.answer)],
        ['since', since ? `revision ${since.revision}, ${session.when(since.atMs)}` : 'ever'],
        ['by', since && byWhom(since, intent)],
        ['what', since?.words.join('; ')],
        ['reason', intent?.reason],
        ['before', before ? answerWords(before) : 'nothing else'],
      ])
    })
  })
  program
    .command('diff')
    .description('what changed between two moments, or what `apply` would change (-f)')
    .argument('[cluster]', 'left out: in all')
    .option('--from <moment>', 'a revision, or an instant: 2026-11-25T10:00:00Z')
    .option('--to <moment>', 'the same; left out: now')
    .option('-f, --file <path...>', 'files or folders of documents, beside what control holds')
    .option('-l, --selector <labels>', 'with -f: only documents with these labels')
    .option('--exit-code', 'with -f: end with 10 when there are differences')
    .action(async (cluster: string | undefined, { from, to, ...flags }: DiffFlags) => {
      if (flags.file) {
        const differs = await diffDocuments(session, flags.file, flags.selector)
        if (differs && flags.exitCode) throw new Ended('differs')
        return
      }
      if (from === undefined) throw usage('say --from MOMENT, or -f FILES')
      const span = { from, ...(to !== undefined && { to }) }
      return cluster ? clusterDiff(session, cluster, span) : allDiff(session, span)
    })
  program
    .command('audit')
    .description('who did what, when, from where and why; newest first')
    .option('--app <app>', 'about this app')
    .option('--release <id>', 'about this release')
    .option('--cluster <cluster>', 'about this cluster')
    .option('--actor <name>', "by this token's name; `fleet` and `clock` are control's own")
    .option('--type <type>', 'of an intent or event, as promote-release')
    .option('--from <moment>', 'not older: a revision or an instant')
    .option('--to <moment>', 'not newer')
    .option('--limit <count>', 'at most so many, up to 500', '50')
    .option('--cursor <cursor>', 'go on where the page before ended')
    .action(async (flags: Record<string, string>) => {
      const answer = await session.client.get('/v1/audit', flags)
      const { entries, next } = understood(audit, answer, 'GET /v1/audit')
      session.rows(answer, entries, columnsFor(session), 'No records answer to this.')
      const hint = next !== null && session.format !== 'json' && session.format !== 'yaml'
      if (hint) session.say(`There is more: --cursor ${next}`)
    })
}

const columnsFor = (session: Session): Column<AuditEntry>[] => [
  { title: 'REVISION', cell: ({ revision }) => revision, align: 'right' },
  { title: 'WHEN', cell: ({ atMs }) => session.when(atMs), spare: 1 },
  { title: 'WHO', cell: ({ actor }) => actor, spare: 2 },
  { title: 'WHAT', cell: ({ words, type }) => words.join('; ') || type },
  { title: 'WHY', cell: ({ reason }) => reason ?? '', spare: 3 },
  { title: 'FROM', cell: ({ origin }) => Object.values(origin ?? {}).join(', '), wide: true },
]

/** Who asked, where agents or time had the last word. */
const byWhom = (since: AuditEntry, intent: AuditEntry | null): string =>
  intent && intent.revision !== since.revision
    ? `${since.actor}, as ${intent.actor} asked by ${intent.type} at revision ${intent.revision}`
    : since.actor

function answerWords({ status, reason, destination }: Explanation): string {
  if (!destination) return `${status}: ${reason}`
  const { releases, app } = destination
  const total = releases.reduce((sum, { weight }) => sum + weight, 0)
  const split = releases.map(({ release, weight }) =>
    releases.length > 1 ? `${release} ${Math.round((weight / total) * 100)} %` : release,
  )
  return split.length > 0 ? split.join(', ') : `${status}: no release of ${app} answers`
}

function explained(session: Session, found: Explanation): string[] {
  const { destination, candidates, omitted } = found
  return [
    ...session.fields([
      ['answer', answerWords(found)],
      ['why', destination?.reason ?? found.reason],
      ['route', destination && `${destination.app}/${destination.route}`],
      ['gets', destination && `${destination.host} ${destination.target}`],
      ...(destination?.effects ?? []).map((effect): [string, string] => ['does', effect]),
      ['revision', found.revision],
    ]),
    '',
    ...session.table(candidates, [
      { title: 'CANDIDATE', cell: ({ app, route }) => `${app}/${route}`, paint: () => 'bold' },
      { title: 'HOST', cell: ({ host }) => host, spare: 1 },
      {
        title: 'OUTCOME',
        cell: ({ lost }) => lost ?? 'chosen',
        paint: (text) => (text === 'chosen' ? 'green' : 'dim'),
      },
    ]),
    ...(omitted > 0 ? [`and ${omitted} more candidates`] : []),
  ]
}

interface DiffFlags extends Partial<Span> {
  readonly file?: string[]
  readonly selector?: string
  readonly exitCode?: boolean
}

interface Span {
  readonly from: string
  readonly to?: string
}

async function clusterDiff(session: Session, cluster: string, { from, to }: Span): Promise<void> {
  const path = `/v1/clusters/${encodeURIComponent(cluster)}/diff`
  const answer = await session.client.get(path, { from, to })
  session.print(answer, () => {
    const found = understood(diff, answer, `GET ${path}`)
    const { paint } = session
    const changes = [
      ...found.put.map(({ key, before }) =>
        before === null ? paint('green', `+ ${plain(key)}`) : paint('yellow', `~ ${plain(key)}`),
      ),
      ...found.removed.map(({ key }) => paint('red', `- ${plain(key)}`)),
    ]
    return [
      paint('dim', `${cluster}: revision ${found.from.revision} → ${found.to.revision}`),
      ...(changes.length === 0 ? ['Nothing has changed.'] : found.words.map(plain)),
      ...changes,
      ...(found.omitted > 0 ? [`and ${found.omitted} more objects`] : []),
    ]
  })
}

async function allDiff(session: Session, { from, to }: Span): Promise<void> {
  const answer = await session.client.get('/v1/diff', { from, to })
  session.print(answer, () => {
    const { clusters, words } = understood(fleetDiff, answer, 'GET /v1/diff')
    if (clusters.length === 0) return ['Nothing has changed.']
    return words.map(({ sentence, clusters: where }) => `${plain(sentence)} (${where.join(', ')})`)
  })
}
