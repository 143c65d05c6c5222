/** A release as a page: for `release show`, and again and again for the live view. Pure. */
import { agentPlace } from '#wire/names.ts'
import type { Release } from '../answers.ts'
import { plain } from '../desk.ts'
import { type Painter, paintOf } from '../paint.ts'
import { type Column, fields, folded, table } from '../table.ts'
import { durationWords, instant } from '../times.ts'
import { ledgerWords, pauseWords, skewWords } from './words.ts'

export interface FrameOptions {
  readonly window: number | null
  readonly paint: Painter
  readonly nowMs: number
  readonly wide?: boolean
}

export function frameOf(release: Release, options: FrameOptions): string[] {
  const { window, paint, nowMs } = options
  const { id, version, strategy, status, waiting, troubles, rollback, approvals, paused } = release
  const state = paint(paintOf(status), plain(status))
  const head = `${paint('bold', id)}  ${plain(version)}  ${strategy}  ${state}`
  const untilMs = waiting?.untilMs ?? null
  const wait =
    waiting && `${waiting.message}${untilMs === null ? '' : ` (${untilWords(untilMs, nowMs)})`}`
  return [
    ...(window === null || plain(`${id}  ${version}  ${strategy}  ${status}`).length <= window
      ? [head]
      : [paint('bold', id), ...folded(`${plain(version)} ${strategy} ${plain(status)}`, window)]),
    ...fields(
      [
        ['waits for', wait],
        // What it waits for often says it too.
        ['trouble', troubles.filter((one) => !wait?.includes(one)).join('; ')],
        ['paused', paused && `by ${paused.by}${paused.reason ? `: ${paused.reason}` : ''}`],
        ['preview', previewWords(release)],
        ['undoes', release.undo],
        [
          'approvals',
          approvals.required > 0
            ? `${approvals.given.length} of ${approvals.required}${approvals.given.map(({ by }) => `, ${by}`).join('')}`
            : null,
        ],
        ['created', `${instant(release.createdAtMs)} by ${release.createdBy}`],
        ['switched', switchWords(release)],
        ['skew', skewWords(release)],
        ['ledger', ledgerWords(release)],
        ['rollback', rollback.ready ? `ready, to ${rollback.to}` : rollback.reason],
      ],
      window,
      paint,
    ),
    ...(release.steps.length > 1 || release.strategy === 'canary'
      ? ['', ...steps(release, options)]
      : []),
    ...(release.rolling ? ['', ...rolling(release.rolling, options)] : []),
    ...(release.agents.length > 0 ? ['', ...agents(release, options)] : []),
  ]
}

const untilWords = (untilMs: number, nowMs: number): string =>
  untilMs > nowMs ? `${durationWords(untilMs - nowMs)} more` : 'now'

const previewWords = ({ preview }: Release): string | null =>
  preview &&
  [
    preview.path && `path ${preview.path}`,
    preview.header && `header ${preview.header.name}: ${preview.header.value}`,
    preview.host && `host ${preview.host}`,
    preview.links && 'links',
  ]
    .filter(Boolean)
    .join(', ')

function switchWords({ switch: newest }: Release): string | null {
  if (!newest) return null
  const { kind, state, proposedAtMs, completedAtMs, except, reason } = newest
  const took = completedAtMs === null ? '' : ` in ${durationWords(completedAtMs - proposedAtMs)}`
  const without = except.length > 0 ? `, except ${except.map(agentPlace).join(', ')}` : ''
  return `${kind} ${state}${took}${without}${reason ? `: ${reason}` : ''}`
}

type Step = Release['steps'][number]
function steps(release: Release, { window, paint }: FrameOptions): string[] {
  const columns: Column<Step & { n: number }>[] = [
    { title: 'STEP', cell: ({ n }) => n, align: 'right' },
    { title: 'WEIGHT', cell: ({ weight }) => `${weight} %`, align: 'right' },
    { title: 'STATE', cell: ({ state }) => state, paint: paintOf },
    { title: 'PAUSE', cell: ({ pause }) => pauseWords(pause), spare: 1 },
    { title: 'CLUSTERS', cell: ({ clusters }) => clusters.join(', '), spare: 2 },
  ]
  const rows = release.steps.map((step, n) => ({ ...step, n: n + 1 }))
  return table(rows, columns, window, paint)
}

type Copies = NonNullable<Release['rolling']>[number]
const barCells = 20
function rolling(all: readonly Copies[], { window, paint }: FrameOptions): string[] {
  const columns: Column<Copies>[] = [
    { title: 'CLUSTER', cell: ({ cluster }) => cluster, paint: () => 'bold' },
    { title: 'COPIES', cell: (copies) => bar(copies), spare: 3, paint: () => 'green' },
    { title: 'NEW', cell: ({ updated, copies }) => `${updated}/${copies}`, align: 'right' },
    { title: 'READY', cell: ({ ready }) => ready, align: 'right' },
    { title: 'OLD', cell: ({ old }) => old, align: 'right', spare: 2 },
    { title: 'STALLED', cell: ({ stalled }) => stalled ?? '', spare: 1, paint: () => 'red' },
  ]
  const stalled = all.some((one) => one.stalled !== null)
  const shown = columns.filter(({ title }) => title !== 'STALLED' || stalled)
  return table(all, shown, window, paint)
}

/** Filled: new and ready; half: new and not ready yet. */
export function bar({
  copies,
  updated,
  ready,
}: Pick<Copies, 'copies' | 'updated' | 'ready'>): string {
  const cells = (count: number) =>
    copies === 0 ? 0 : Math.min(barCells, Math.floor((count / copies) * barCells))
  const [full, begun] = [cells(Math.min(ready, updated)), cells(updated)]
  return '█'.repeat(full) + '▒'.repeat(begun - full) + '░'.repeat(barCells - begun)
}

type AgentRow = Release['agents'][number]
const agentColumns: readonly Column<AgentRow>[] = [
  { title: 'AGENT', cell: ({ agent }) => agent, paint: () => 'bold' },
  { title: 'CLUSTER', cell: ({ cluster }) => cluster, spare: 4 },
  {
    title: 'STATE',
    cell: ({ state, stale }) => (stale ? `${state}, stale` : state),
    paint: paintOf,
  },
  { title: 'REVISION', cell: ({ revision }) => revision, align: 'right', spare: 3 },
  { title: 'READY', cell: ({ readyEndpoints }) => readyEndpoints, align: 'right', spare: 2 },
  { title: 'IN USE', cell: ({ inUse }) => inUse, align: 'right', spare: 2 },
  {
    title: 'APPLIED',
    cell: ({ appliedMs }) => (appliedMs === null ? null : `${appliedMs.toFixed(1)} ms`),
    align: 'right',
    spare: 3,
  },
  { title: 'REFUSAL', cell: ({ refusal }) => refusal ?? '', spare: 1, paint: () => 'red' },
]

function agents(release: Release, { window, paint }: FrameOptions): string[] {
  const refused = release.agents.some(({ refusal }) => refusal !== null)
  const columns = agentColumns.filter(({ title }) => title !== 'REFUSAL' || refused)
  const byName = release.agents.toSorted((a, b) =>
    `${a.cluster}/${a.agent}` < `${b.cluster}/${b.agent}` ? -1 : 1,
  )
  return table(byName, columns, window, paint)
}
