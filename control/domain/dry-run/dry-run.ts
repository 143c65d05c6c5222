/**
 * What an intent would do, without doing it: the decision that the turn would take, read instead of
 * adopted. Pure, as `decide` is; the state before and the state after are values, so nothing is undone.
 */
import type { Rejection } from '#wire/codes.ts'
import type { AskedAgent, ClusterChange, DryRunView } from '#wire/dry-run.ts'
import { limits } from '#wire/limits.ts'
import { difference, emptyTree, find, type Tree } from '#wire/tree.ts'
import { type Compile, decide } from '../decide.ts'
import type { IntentInput } from '../input.ts'
import { everything, maySeeEvent, type Permit } from '../permission.ts'
import type { TurnRecord } from '../record.ts'
import type { Fleet } from '../reports/fleet.ts'
import { agentsOf, releasesOf, type State } from '../state.ts'
import { withoutSecrets } from '../view/secret-fields.ts'
import { agentViews } from '../view/view.ts'
import { type ObjectChange, wordsOf } from '../words/difference.ts'
import { touchedApps } from './touched-apps.ts'
import { type Foreseen, warningsOf } from './warnings.ts'

export type Rehearsal =
  | { readonly kind: 'accepted'; readonly view: DryRunView }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** The idempotency key has its answer in the record at `position`: the real call would get that. */
  | { readonly kind: 'repeated'; readonly position: number }

export function rehearse(
  state: State,
  fleet: Fleet,
  input: IntentInput,
  now: number,
  compile?: Compile,
): Rehearsal {
  const decision = decide(state, fleet, input, now, compile)
  if (decision.kind === 'nothing') throw new Error('an intent was decided without a record')
  if (decision.kind !== 'record') return decision
  const { state: after } = decision
  const permit = input.permit ?? everything
  const record = seen(decision.record, permit)
  const changes = changesOf(state, after, permit)
  const agents = askedAgents({ before: state, after, fleet, record, changes, now })
  const { status, body } = record.answer!
  const view: DryRunView = {
    accepted: true,
    revision: record.position,
    status,
    body,
    events: withoutSecrets([...record.events]),
    clusters: clusterChanges(state, after, changes),
    agents,
    warnings: [...warningsOf({ before: state, after, fleet, record, changes, agents, now })],
  }
  return { kind: 'accepted', view }
}

/** What a call under a key that has its answer would do: give that answer again. */
export const alreadyAnswered = (
  { idempotencyKey }: IntentInput,
  revision: number,
  answer: NonNullable<TurnRecord['answer']>,
): DryRunView => ({
  accepted: true,
  revision,
  ...answer,
  events: [],
  clusters: {},
  agents: [],
  warnings: [
    {
      code: 'key-answered',
      message: `The key "${idempotencyKey}" was answered at revision ${revision}; a call with it changes nothing.`,
    },
  ],
})

type Changes = ReadonlyMap<string, readonly ObjectChange[]>

/** Without what the turn would conclude beside it about apps and clusters that the caller may not see. */
const seen = (record: TurnRecord, permit: Permit): TurnRecord => ({
  ...record,
  events: record.events.filter((event) => maySeeEvent(event, permit)),
})

function changesOf(before: State, after: State, { apps, clusters }: Permit): Changes {
  const mayBeSeen = (object: ObjectChange['after']) =>
    !apps || !object || !('app' in object) || apps.includes(object.app)
  const changed = [...after.clusters.values()].filter(
    ({ name, tree }) =>
      treeIn(before, name).root !== tree.root && (clusters?.includes(name) ?? true),
  )
  return new Map(
    changed.flatMap(({ name, tree }) => {
      const all = objectChanges(treeIn(before, name), tree)
      const shown = all.filter(({ before, after }) => mayBeSeen(after ?? before))
      return shown.length > 0 ? [[name, shown]] : []
    }),
  )
}

const treeIn = (state: State, cluster: string): Tree =>
  state.clusters.get(cluster)?.tree ?? emptyTree

function clusterChanges(
  before: State,
  after: State,
  changes: Changes,
): Record<string, ClusterChange> {
  let bytesLeft: number = limits.dryRunBytes
  const fits = (change: ObjectChange) => {
    bytesLeft -= JSON.stringify(change).length
    return bytesLeft >= 0
  }
  const shown = [...changes].map(([cluster, all]): [string, ClusterChange] => {
    const some = all.filter(fits)
    const change: ClusterChange = {
      from: treeIn(before, cluster).root,
      to: treeIn(after, cluster).root,
      put: some.flatMap(({ key, before, after }) => (after ? { key, before, after } : [])),
      removed: some.flatMap(({ key, before, after }) => (before && !after ? { key, before } : [])),
      omitted: all.length - some.length,
      words: wordsOf(some),
    }
    return [cluster, change]
  })
  return Object.fromEntries(shown)
}

function objectChanges(from: Tree, to: Tree): ObjectChange[] {
  const { put, remove } = difference(from, to)
  const changes = [
    ...put.map((after) => ({ key: after.key, before: find(from, after.key) ?? null, after })),
    ...remove.map((key) => ({ key, before: find(from, key) ?? null, after: null })),
  ]
  return changes.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Who has a part in it, each once, with the strongest reason. */
function askedAgents({
  before,
  after,
  fleet,
  record,
  changes,
  now,
}: Omit<Foreseen, 'agents'>): AskedAgent[] {
  const asked = new Map<string, AskedAgent>()
  const conditions = new Map<string, AskedAgent['now']>(
    [...before.clusters.keys()].flatMap((cluster) =>
      agentViews(before, fleet, cluster, now).map(
        ({ agent, condition }) => [`${cluster}/${agent}`, condition] as const,
      ),
    ),
  )
  const ask = (cluster: string, agent: string, why: AskedAgent['why']) => {
    const key = `${cluster}/${agent}`
    if (asked.has(key)) return
    asked.set(key, { cluster, agent, why, now: conditions.get(key) ?? 'unseen' })
  }
  const letGo: string[] = []
  for (const app of touchedApps(after, record)) {
    if (app.switch?.generation === record.position) {
      for (const { cluster, agent } of app.switch.required) ask(cluster, agent, 'must acknowledge')
    }
    for (const [cluster, since] of Object.entries(app.leaving)) {
      if (since === record.position) letGo.push(cluster)
    }
    for (const release of releasesOf(after, app)) {
      if (release.leavingSince === record.position) letGo.push(...release.clusters)
    }
  }
  for (const { cluster, agent } of agentsOf(after, letGo)) ask(cluster, agent, 'must let go')
  const changed = agentsOf(after, [...changes.keys()])
  for (const { cluster, agent } of changed) ask(cluster, agent, 'must serve')
  return [...asked.values()]
}
