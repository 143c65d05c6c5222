/**
 * What the events of a switch mean. Prepare lays `next` beside the weights, commit makes it the weights,
 * abort drops it; a rollback sets former weights at once. Every position of the switch moves in the same
 * record.
 */
import type { PositionObject } from '#wire/object.ts'
import type { AgentRef, EventOf } from '../event.ts'
import type { Folding, Handlers } from '../evolve.ts'
import {
  type AppState,
  isPublicAnywhere,
  isPublicIn,
  type PositionState,
  publicRelease,
  publicReleases,
  type ReleaseState,
  releasesOf,
  type State,
  type SwitchState,
  sameAgent,
} from '../state.ts'
import { appIn, changedApp, changedRelease, releaseIn } from './change.ts'
import { drainAt, settled } from './release.ts'
import { replaceBack, replaceCopies } from './replacement.ts'

type Weights = PositionObject['weights']

export const switchEvents: Handlers<
  | 'switch-proposed'
  | 'switch-prepared'
  | 'commit-decided'
  | 'rollback-decided'
  | 'switch-completed'
  | 'switch-aborted'
  | 'agent-caught-up'
> = {
  'switch-proposed': (state, event, folding) => {
    const release = releaseIn(state, event.release)
    const app = appIn(state, event.app)
    const { whenSilent } = release
    const byCluster = weightsOf(event, release)
    const clusters = [...byCluster.keys()]
    const step = event.step ?? 0
    const next = (weights: Weights) => ({
      generation: folding.position,
      weights,
      minReady: event.minReady,
      ...(weights.length > 1 && { targets: [release.id] }),
    })
    const proposed: SwitchState = {
      ...newSwitch(folding, app.app, event.required, event.deadlineAtMs),
      step,
      kind: 'promote',
      state: 'preparing',
      winners: [release.id],
      losers: losersOf(app, byCluster),
      clusters,
      minReady: event.minReady,
      whenSilent,
    }
    const positioned = movePositions(state, app.app, folding, clusters, (position, cluster) => ({
      ...position,
      next: next(byCluster.get(cluster)!),
      close: position.close.filter((id) => id !== release.id),
    }))
    const open = changedRelease(positioned, release.id, folding, (held) => ({
      ...held,
      phase: 'preparing',
      switch: proposed,
      drainAtMs: null,
      // A retired one begins anew; one that has a share goes on.
      ...(held.phase !== 'progressing' && { stepsDone: 0, stepDoneAtMs: null }),
    }))
    return changedApp(open, app.app, (held) => ({ ...held, switch: proposed }))
  },

  'switch-prepared': (state) => state,

  'commit-decided': (state, event, folding) => {
    const app = appIn(state, event.app)
    const before = switchIn(app, event.generation)
    const decided: SwitchState = {
      ...before,
      state: 'committing',
      decidedAtMs: folding.at,
      decidedRevision: folding.position,
      deadlineAtMs: folding.at + (before.deadlineAtMs - before.proposedAtMs),
      except: event.except,
    }
    const winner = before.winners[0]!
    const former = Object.fromEntries(
      before.clusters
        .filter((cluster) => !isPublicIn(app, cluster, winner))
        .map((cluster) => [cluster, publicRelease(app, cluster)]),
    )
    let next = movePositions(
      state,
      app.app,
      folding,
      before.clusters,
      ({ next: to, ...position }) =>
        to ? { ...position, generation: to.generation, weights: to.weights } : position,
    )
    next = changedRelease(next, winner, folding, (held) => ({
      ...held,
      phase: 'committing',
      former: { ...held.former, ...former },
    }))
    next = replaceCopies(next, releaseIn(state, winner), former, folding)
    return withSwitch(next, decided, folding)
  },

  'rollback-decided': (state, event, folding) => {
    const app = appIn(state, event.app)
    const clusters = event.weights.map(({ cluster }) => cluster)
    const byCluster = new Map<string, Weights>(
      event.weights.map((one) => [one.cluster, one.weights]),
    )
    const winners = [...new Set(event.weights.flatMap((one) => one.weights.map((w) => w.release)))]
    const decided: SwitchState = {
      ...newSwitch(folding, app.app, event.required, event.deadlineAtMs),
      step: null,
      kind: 'rollback',
      state: 'committing',
      winners,
      losers: losersOf(app, byCluster),
      clusters,
      minReady: 1,
      whenSilent: 'proceed',
      decidedAtMs: folding.at,
      decidedRevision: folding.position,
    }
    let next = movePositions(state, app.app, folding, clusters, (position, cluster) => ({
      generation: folding.position,
      weights: byCluster.get(cluster) ?? [],
      close: position.close.filter((id) => !winners.includes(id)),
    }))
    for (const winner of winners) {
      next = changedRelease(next, winner, folding, (held) => ({
        ...held,
        phase: 'committing',
        drainAtMs: null,
        // Somebody needs it now: a pause from its own beginning holds back none of its copies.
        paused: null,
      }))
    }
    const superseded = app.switch?.state === 'committing' ? app.switch.winners : []
    for (const other of superseded.filter((id) => !winners.includes(id))) {
      next = changedRelease(next, other, folding, (held) => ({ ...held, phase: 'live' }))
    }
    next = changedRelease(next, event.from, folding, (held) => ({
      ...held,
      phase: 'retired',
      wasLive: true,
      paused: null,
    }))
    next = replaceBack(next, event.from, byCluster, folding)
    return withSwitch(next, decided, folding)
  },

  'switch-completed': (state, event, folding) => {
    const app = appIn(state, event.app)
    const completed: SwitchState = {
      ...switchIn(app, event.generation),
      state: 'completed',
      completedAtMs: folding.at,
      except: event.except,
      applied: event.evidence.map(({ cluster, agent, appliedMs }) => ({
        cluster,
        agent,
        appliedMs,
      })),
      skewMs: event.skewMs,
      skewErrorMs: event.skewErrorMs,
    }
    let next = withSwitch(state, completed, folding)
    for (const id of app.releases) {
      if (completed.winners.includes(id)) {
        next = changedRelease(next, id, folding, (held) => {
          const done = { ...held, ...stepsAfter(completed, folding.at) }
          return { ...done, ...settled(done) }
        })
      } else if (completed.losers.includes(id) && !isPublicAnywhere(app, id)) {
        next = changedRelease(next, id, folding, (held) => ({
          ...held,
          phase: held.phase === 'aborted' ? 'aborted' : 'retired',
          drainAtMs: drainAt(next, held, folding),
        }))
      }
    }
    return next
  },

  'switch-aborted': (state, event, folding) => {
    const app = appIn(state, event.app)
    const aborted: SwitchState = {
      ...switchIn(app, event.generation),
      state: 'aborted',
      reason: event.reason,
    }
    const winner = aborted.winners[0]!
    let next = movePositions(
      state,
      app.app,
      folding,
      aborted.clusters,
      ({ next: _, ...position }) => position,
    )
    next = changedRelease(next, winner, folding, (held) => ({
      ...held,
      phase: phaseBefore(held),
      switch: aborted,
      drainAtMs: held.wasLive ? drainAt(next, held, folding) : null,
    }))
    return changedApp(next, app.app, (held) => ({ ...held, switch: aborted }))
  },

  'agent-caught-up': (state, { app, generation, cluster, agent }, folding) => {
    const caughtUp = (held: SwitchState): SwitchState => ({
      ...held,
      except: held.except.filter((one) => !sameAgent(one, { cluster, agent })),
    })
    const isIt = (held: SwitchState | null) => held?.generation === generation
    let next = state
    for (const release of releasesOf(state, appIn(state, app))) {
      if (!isIt(release.switch)) continue
      next = changedRelease(next, release.id, folding, (held) => ({
        ...held,
        switch: held.switch && caughtUp(held.switch),
      }))
    }
    return changedApp(next, app, (held) =>
      held.switch && isIt(held.switch) ? { ...held, switch: caughtUp(held.switch) } : held,
    )
  },
}

/** By cluster, what a proposal leads to; a proposal of a former version means all traffic. */
function weightsOf(
  { weights }: EventOf<'switch-proposed'>,
  release: ReleaseState,
): ReadonlyMap<string, Weights> {
  if (weights) return new Map(weights.map((one) => [one.cluster, one.weights]))
  const all = [{ release: release.id, weight: 1 }]
  return new Map(release.clusters.map((cluster) => [cluster, all]))
}

/** A rollback leads to a release whose steps were done long ago. */
const stepsAfter = ({ step }: SwitchState, at: number) =>
  step === null ? {} : { stepsDone: step + 1, stepDoneAtMs: at }

/** The phase of a release whose switch was aborted: as it was before it. */
function phaseBefore({ stepsDone, steps, wasLive }: ReleaseState): ReleaseState['phase'] {
  if (stepsDone === 0) return wasLive ? 'retired' : 'ready'
  return stepsDone < steps.length ? 'progressing' : 'live'
}

const newSwitch = (
  { at, position }: Folding,
  app: string,
  required: readonly AgentRef[],
  deadlineAtMs: number,
) => ({
  app,
  generation: position,
  proposedAtMs: at,
  deadlineAtMs,
  required,
  decidedAtMs: null,
  decidedRevision: null,
  completedAtMs: null,
  except: [],
  applied: [],
  skewMs: null,
  skewErrorMs: null,
  reason: null,
})

function switchIn(app: AppState, generation: number): SwitchState {
  if (app.switch?.generation !== generation) {
    throw new Error(`the log names an unknown switch ${generation} of "${app.app}"`)
  }
  return app.switch
}

/** Releases that had public traffic in a cluster of the switch, and have none there after it. */
const losersOf = (app: AppState, weights: ReadonlyMap<string, Weights>): string[] => [
  ...new Set(
    [...weights].flatMap(([cluster, after]) =>
      publicReleases(app, cluster).filter(
        (id) => !after.some((one) => one.release === id && one.weight > 0),
      ),
    ),
  ),
]

/** Once traffic moves, the switch is that of every release that it moves. */
function withSwitch(state: State, moved: SwitchState, folding: Folding): State {
  let next = changedApp(state, moved.app, (held) => ({ ...held, switch: moved }))
  for (const id of [...moved.winners, ...moved.losers]) {
    next = changedRelease(next, id, folding, (held) => ({ ...held, switch: moved }))
  }
  return next
}

function movePositions(
  state: State,
  app: string,
  { touched }: Folding,
  clusters: readonly string[],
  move: (position: PositionState, cluster: string) => PositionState,
): State {
  touched.positions.add(app)
  return changedApp(state, app, (held) => {
    const moved = { ...held.positions }
    for (const cluster of clusters) {
      const position = moved[cluster]
      if (position) moved[cluster] = move(position, cluster)
    }
    return { ...held, positions: moved }
  })
}
