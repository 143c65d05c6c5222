/**
 * Whether a candidate can take the traffic: every agent of its clusters that is not silent sees enough
 * ready endpoints, at a revision that knows its backend, and every cluster has such an agent.
 */
import { agentPlace } from '#wire/names.ts'
import type { ReleaseView } from '#wire/release.ts'
import type { AgentRef, EventOf } from '../event.ts'
import type { Fleet } from '../reports/fleet.ts'
import { currentReport, isSilent, refusalOf, serves } from '../reports/reading.ts'
import { because, troublesOf } from '../reports/troubles.ts'
import { agentsOf, appOf, isActive, type ReleaseState, type State } from '../state.ts'
import { readyOf } from './replacement.ts'
import { hasWorkload, sharedBy } from './shares.ts'

/** `untilMs`: when time alone ends the wait. */
export type Waiting = Omit<NonNullable<ReleaseView['waiting']>, 'untilMs'> & {
  readonly untilMs?: number
}

/** Ready endpoints that each agent must see: the copies asked for; one where copies are not ours. */
export const minReadyOf = (state: State, release: ReleaseState): number =>
  Math.min(...release.clusters.map((cluster) => minReadyIn(state, release, cluster)))

/** The copies of what it rolls over are its own meanwhile, so that one of them is enough to begin. */
function minReadyIn(state: State, release: ReleaseState, cluster: string): number {
  if (!hasWorkload(release) || sharedBy(release, cluster).length > 0) return 1
  return appOf(state, release.app)?.intent.copies ?? 1
}

export type Readiness =
  | { readonly ready: true; readonly evidence: EventOf<'release-ready'>['evidence'] }
  | { readonly ready: false; readonly waiting: Waiting }

export function readinessOf(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): Readiness {
  const evidence: EventOf<'release-ready'>['evidence'] = []
  const short: string[] = []
  for (const cluster of release.clusters) {
    let heard = 0
    for (const { agent } of agentsOf(state, [cluster])) {
      const ref = { cluster, agent }
      if (isSilent(state, fleet, ref, now)) continue
      heard++
      const sight = sightOf(state, fleet, ref, release)
      if (sight.kind === 'refuses') return waits('table', sight.message)
      if (sight.kind === 'ready') evidence.push(sight.evidence)
      else short.push(sight.message)
    }
    if (heard === 0) return waits('agents-absent', `no agent of ${cluster} reports`)
  }
  if (short.length > 0) return { ready: false, waiting: lacks(state, fleet, release, short, now) }
  return { ready: true, evidence }
}

/** Agents that say themselves that they lack endpoints; what is not heard is left to the barrier. */
export function shortageOf(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): Waiting | null {
  const short: string[] = []
  for (const ref of agentsOf(state, release.clusters)) {
    const sight = sightOf(state, fleet, ref, release)
    if (sight.kind === 'refuses') return { code: 'table', message: sight.message }
    if (sight.kind === 'short') short.push(sight.message)
  }
  return short.length === 0 ? null : lacks(state, fleet, release, short, now)
}

/** Who sees too few of them; then, where the platforms say so, why there are no more and what to do. */
function lacks(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  short: readonly string[],
  now: number,
): Waiting {
  const sentence = `endpoints of ${release.id}: ${listed(short)}`
  const troubles = troublesOf(state, fleet, release, now)
  const todo = troubles.length > 0 && isActive(release) ? `; mend that, or abort ${release.id}` : ''
  return { code: 'endpoints', message: `${because(sentence, troubles)}${todo}` }
}

type Sight =
  | { readonly kind: 'ready'; readonly evidence: EventOf<'release-ready'>['evidence'][number] }
  | { readonly kind: 'refuses' | 'short' | 'behind'; readonly message: string }

/** What one agent sees of a release, whether it is silent by now or not. */
export function sightOf(
  state: State,
  fleet: Fleet,
  { cluster, agent }: AgentRef,
  release: ReleaseState,
): Sight {
  const ref = { cluster, agent }
  const place = agentPlace(ref)
  const refusal = refusalOf(state, fleet, ref, release.createdRevision)
  if (refusal) return { kind: 'refuses', message: `${place} refuses it: ${refusal.reason}` }
  const report = currentReport(state, fleet, ref)
  if (!report || !serves(state, fleet, ref, release.createdRevision)) {
    const message = `${place} does not serve revision ${release.createdRevision}`
    return { kind: 'behind', message }
  }
  const minReady = minReadyIn(state, release, cluster)
  const readyEndpoints = readyOf(state, fleet, ref, release)
  return readyEndpoints < minReady
    ? { kind: 'short', message: `${place} sees ${readyEndpoints} of ${minReady} ready` }
    : { kind: 'ready', evidence: { ...ref, revision: report.revision, readyEndpoints } }
}

const listedMax = 8

/** At most eight of them, so that a message stays readable in a big fleet. */
export const listed = (items: readonly string[]): string =>
  items.length <= listedMax
    ? items.join('; ')
    : `${items.slice(0, listedMax).join('; ')}; and ${items.length - listedMax} more`

const waits = (code: Waiting['code'], message: string): Readiness => ({
  ready: false,
  waiting: { code, message },
})
