/** What a change meets in the fleet: agents that do not answer, releases without endpoints, open exchanges. */
import type { Warning } from '#wire/dry-run.ts'
import { agentPlace } from '#wire/names.ts'
import { rollbackTarget } from '../release/rollback-target.ts'
import { ledgerOf } from '../reports/ledger.ts'
import { serves } from '../reports/reading.ts'
import {
  type AppState,
  agentsOf,
  appOf,
  isActive,
  type ReleaseState,
  releaseOf,
  releasesOf,
  type State,
} from '../state.ts'
import { readyOf } from '../switch/replacement.ts'
import { touchedApps } from './touched-apps.ts'
import type { Foreseen } from './warnings.ts'

export function fleetWarnings(foreseen: Foreseen): Warning[] {
  const { before, after } = foreseen
  const moved = touchedApps(after, foreseen.record)
  return [
    ...withoutAgents(before, after),
    ...silentAgents(foreseen),
    ...moved.flatMap((app) => [
      ...withoutEndpoints(foreseen, app),
      ...drains(foreseen, app),
      ...nothingToGoBackTo(foreseen, app),
    ]),
  ]
}

function* withoutAgents(before: State, after: State): Generator<Warning> {
  for (const { name, tree, agents } of after.clusters.values()) {
    if (agents.size > 0 || before.clusters.get(name)?.tree.root === tree.root) continue
    const message = `${name} has no enrolled agent: nothing serves this there.`
    yield { code: 'cluster-without-agents', message, object: name }
  }
}

function* silentAgents({ after, agents, record }: Foreseen): Generator<Warning> {
  const open = touchedApps(after, record).flatMap(({ switch: held }) =>
    held?.generation === record.position ? held : [],
  )
  const isCommitted = open.every(({ state }) => state === 'committing')
  const goesOn = open.every(({ whenSilent }) => whenSilent === 'proceed')
  const outcome = isCommitted
    ? 'it will be named as one that has not followed'
    : goesOn
      ? 'the switch waits for it until its deadline and then goes on without it'
      : 'the switch waits for it until its deadline and is then aborted'
  for (const { cluster, agent, why, now } of agents) {
    if (now !== 'silent' || why === 'must serve') continue
    const then =
      why === 'must acknowledge'
        ? outcome
        : 'what is removed stays until it reports or is forgotten'
    const place = agentPlace({ cluster, agent })
    yield { code: 'silent-agent', message: `${place} does not report: ${then}.`, object: place }
  }
}

/** Says so only where some agent knows the release, and every one that does reports none. */
function* withoutEndpoints(foreseen: Foreseen, app: AppState): Generator<Warning> {
  const { before, after } = foreseen
  const held = appOf(before, app.app)
  for (const [cluster, position] of Object.entries(app.positions)) {
    if (position === held?.positions[cluster]) continue
    const gets = (position.next?.weights ?? position.weights).filter(({ weight }) => weight > 0)
    const got = held?.positions[cluster]?.weights ?? []
    for (const { release } of gets) {
      const isNew = !got.some((one) => one.release === release && one.weight > 0)
      const target = releaseOf(after, release)
      if (isNew && target && readyIn(foreseen, cluster, target) === 0) {
        const message = `No agent of ${cluster} sees a ready endpoint of ${release}.`
        yield { code: 'no-endpoints', message, object: release }
      }
    }
  }
}

/** By the agents that serve its backend already; null when there is none. */
function readyIn(
  { before, after, fleet }: Foreseen,
  cluster: string,
  release: ReleaseState,
): number | null {
  const agents = [...agentsOf(after, [cluster])].filter((agent) =>
    serves(before, fleet, agent, release.createdRevision),
  )
  if (agents.length === 0) return null
  return agents.reduce((sum, agent) => sum + readyOf(after, fleet, agent, release), 0)
}

function* drains({ before, fleet, record }: Foreseen, app: AppState): Generator<Warning> {
  const { drainDeadlineMs } = app.intent
  if (drainDeadlineMs === undefined || app.switch?.generation !== record.position) return
  for (const id of app.switch.losers) {
    const loser = releaseOf(before, id)
    const inUse = loser ? ledgerOf(before, fleet, loser).inUse : 0
    if (inUse === 0) continue
    const message = `${inUse} exchanges or tunnels are open on ${id}; those that are still open ${drainDeadlineMs} ms after the switch are closed.`
    yield { code: 'drain-closes', message, object: id }
  }
}

/** A live release could be rolled back before, and cannot after. */
function* nothingToGoBackTo({ before, after }: Foreseen, app: AppState): Generator<Warning> {
  const held = appOf(before, app.app)
  if (!held) return
  for (const live of releasesOf(after, app)) {
    const was = releaseOf(before, live.id)
    if (live.phase !== 'live' || !was || isActive(was)) continue
    const target = rollbackTarget(after, app, live)
    if (!('reason' in target) || 'reason' in rollbackTarget(before, held, was)) continue
    const message = `${live.id} could not be rolled back any more. ${target.reason}`
    yield { code: 'nothing-to-go-back-to', message, object: live.id }
  }
}
