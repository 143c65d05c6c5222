/**
 * Why a release does not go on: a code for programs and a sentence for people, never nothing while it
 * waits. And its phase in words, as an operator would say it: "live except us-1/us-1-b".
 */
import { agentPlace } from '#wire/names.ts'
import type { AgentRef } from '../event.ts'
import type { Fleet } from '../reports/fleet.ts'
import { ledgerOf } from '../reports/ledger.ts'
import { isSilent, serves } from '../reports/reading.ts'
import { because, troublesOf } from '../reports/troubles.ts'
import {
  agentsOf,
  appOf,
  isEnrolled,
  isIncomplete,
  isSwitching,
  type ReleaseState,
  type State,
  type SwitchState,
  sameAgent,
} from '../state.ts'
import { listed, readinessOf, shortageOf, sightOf, type Waiting } from '../switch/readiness.ts'
import { keptBy, replacingIn, rollingWords } from '../switch/replacement.ts'
import { acksOf } from '../switch/switch.ts'
import { percentOf } from '../switch/weights.ts'
import { gateOf, nextStep } from './gates.ts'

/** Null when it waits for nothing: retired, gone, or live at every agent. */
export function waitingOf(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): Waiting | null {
  const open = openSwitch(release)
  switch (release.phase) {
    case 'starting': {
      const readiness = readinessOf(state, fleet, release, now)
      return readiness.ready ? null : readiness.waiting
    }
    case 'ready':
      return readyWaits(state, fleet, release, now)
    case 'preparing':
      return open && prepareWaits(state, fleet, open, release, now)
    case 'progressing':
      return progressingWaits(state, fleet, release, open, now)
    case 'committing':
    case 'live':
    case 'retired':
      return (open && commitWaits(state, fleet, open, now)) ?? replacedWaits(release)
    case 'aborted':
    case 'decommissioning':
      return release.gone ? null : departureWaits(state, fleet, release, now)
    case 'decommissioned':
      return null
  }
}

/** Its newest switch, while agents still have to follow it. */
function openSwitch({ switch: newest }: ReleaseState): SwitchState | null {
  if (newest?.state === 'preparing' || newest?.state === 'committing') return newest
  return newest && isIncomplete(newest) ? newest : null
}

function readyWaits(state: State, fleet: Fleet, release: ReleaseState, now: number): Waiting {
  const shortage = shortageOf(state, fleet, release, now)
  if (shortage) return shortage
  const app = appOf(state, release.app)
  return app && isSwitching(app)
    ? { code: 'active', message: 'another switch of the app comes to its end first' }
    : (gateOf(state, release, now) ?? {
        code: 'promote',
        message: 'ready: promote it, or abort it',
      })
}

/** Its copies are the successor's to end. */
function replacedWaits({ replacedBy, clusters }: ReleaseState): Waiting | null {
  const here = Object.entries(replacedBy).filter(([cluster]) => clusters.includes(cluster))
  if (here.length === 0) return null
  const words = here.map(([cluster, by]) => `${by} replaces its copies in ${cluster}`)
  return { code: 'copies', message: words.join('; ') }
}

/** Between two steps: the agents that have still to follow, the copies, or what holds the next one. */
function progressingWaits(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  open: SwitchState | null,
  now: number,
): Waiting | null {
  const app = appOf(state, release.app)
  if (open?.state === 'committing') return commitWaits(state, fleet, open, now)
  const gate = gateOf(state, release, now)
  if (gate?.code === 'paused') return gate
  if (app && replacingIn(release).length > 0) {
    const words = rollingWords(state, fleet, app, release, now)
    return { code: 'copies', message: because(words, troublesOf(state, fleet, release, now)) }
  }
  const bare = (nextStep(release)?.clusters ?? []).filter((c) => agentsOf(state, [c]).next().done)
  if (!gate && bare.length > 0) {
    return { code: 'agents-absent', message: `no agent is enrolled in ${bare.join(', ')}` }
  }
  return (
    gate ??
    shortageOf(state, fleet, release, now) ?? {
      code: 'active',
      message: 'the next step begins as soon as no other switch of the app is open',
    }
  )
}

function prepareWaits(
  state: State,
  fleet: Fleet,
  open: SwitchState,
  release: ReleaseState,
  now: number,
): Waiting {
  const { missing } = acksOf(state, fleet, open)
  const why = missing.map((agent) => {
    if (isSilent(state, fleet, agent, now)) return `${agentPlace(agent)} is silent`
    const sight = sightOf(state, fleet, agent, release)
    return sight.kind === 'ready' ? `${agentPlace(agent)} is not prepared yet` : sight.message
  })
  const bareClusters = open.clusters.filter((c) => agentsOf(state, [c]).next().done)
  if (bareClusters.length > 0) {
    return { code: 'agents-absent', message: `no agent is enrolled in ${bareClusters.join(', ')}` }
  }
  const message = listed(why.length > 0 ? why : ['the commit is being decided'])
  const troubles = troublesOf(state, fleet, { ...open, id: release.id }, now)
  return { code: 'acks', message: because(message, troubles) }
}

function commitWaits(state: State, fleet: Fleet, open: SwitchState, now: number): Waiting | null {
  const { missing } = acksOf(state, fleet, open)
  const why = missing.map(
    (agent) =>
      `${agentPlace(agent)} ${isSilent(state, fleet, agent, now) ? 'is silent and' : 'is not active:'} has not acknowledged generation ${open.generation}`,
  )
  return why.length > 0 ? { code: 'active', message: listed(why) } : null
}

function departureWaits(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): Waiting | null {
  const ledger = ledgerOf(state, fleet, release, keptBy(release))
  if (ledger.inUse > 0) {
    const where = ledger.users.map((user) => `${user.inUse} at ${agentPlace(user)}`)
    return { code: 'in-use', message: `still in use: ${listed(where)}` }
  }
  const since = release.leavingSince ?? release.createdRevision
  const behind = [...agentsOf(state, release.clusters)].filter(
    (agent) => !serves(state, fleet, agent, since) || isNamed(agent, ledger.unacknowledged),
  )
  if (behind.length === 0) return replacedWaits(release)
  const names = behind.map(
    (agent) => `${agentPlace(agent)}${isSilent(state, fleet, agent, now) ? ' (silent)' : ''}`,
  )
  return { code: 'acks', message: `revision ${since} is not served everywhere: ${listed(names)}` }
}

/** "25 % in eu-1, us-1; step 1 of 4"; the clusters of one share together. */
function sharesWords(state: State, release: ReleaseState): string {
  const app = appOf(state, release.app)
  const byShare = new Map<number, string[]>()
  for (const cluster of release.clusters) {
    const percent = app ? Math.round(percentOf(app, cluster, release.id)) : 0
    byShare.set(percent, [...(byShare.get(percent) ?? []), cluster])
  }
  const shares = [...byShare].sort((a, b) => b[0] - a[0])
  const words = shares.map(([percent, clusters]) => `${percent} % in ${clusters.join(', ')}`)
  const rolling = replacingIn(release)
  const copies = rolling.length > 0 ? `, copies are replaced in ${rolling.join(', ')}` : ''
  return `${words.join('; ')}; step ${release.stepsDone} of ${release.steps.length}${copies}`
}

const isNamed = (agent: AgentRef, among: readonly AgentRef[]): boolean =>
  among.some((one) => sameAgent(one, agent))

/** The phase in words. */
export function statusOf(state: State, fleet: Fleet, release: ReleaseState): string {
  const open = openSwitch(release)
  switch (release.phase) {
    case 'committing': {
      const missing = open ? acksOf(state, fleet, open).missing : []
      const clusters = [...new Set(missing.map((agent) => agent.cluster))]
      return clusters.length > 0 ? `committed, incomplete: ${clusters.join(', ')}` : 'committed'
    }
    case 'progressing':
      return `${sharesWords(state, release)}${release.paused ? ', paused' : ''}`
    case 'live': {
      if (!open?.winners.includes(release.id)) {
        return open?.state === 'committing'
          ? `live, giving way to ${open.winners.join(', ')}`
          : 'live'
      }
      const except = open.except.filter((agent) => isEnrolled(state, agent))
      return except.length > 0 ? `live except ${except.map(agentPlace).join(', ')}` : 'live'
    }
    case 'retired': {
      const still = open?.losers.includes(release.id) ? acksOf(state, fleet, open).missing : []
      return still.length > 0
        ? `retired, traffic not proven gone from ${listed(still.map(agentPlace))}`
        : 'retired'
    }
    case 'aborted':
      return release.gone ? 'aborted' : 'aborted, stopping'
    default:
      return release.phase
  }
}
