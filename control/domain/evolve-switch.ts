/**
 * What the events of a switch mean. Prepare lays `next` beside the weights, commit makes it the weights,
 * abort drops it; a rollback sets former weights at once. Every position of the switch moves in the same
 * record.
 */
import type { PositionObject } from '#wire/object.ts'
import { appIn, changedApp, changedRelease, releaseIn } from './change.ts'
import type { AgentRef } from './event.ts'
import type { Folding, Handlers } from './evolve.ts'
import { drainAt } from './evolve-release.ts'
import {
  type AppState,
  type PositionState,
  publicRelease,
  releasesOf,
  type State,
  type SwitchState,
  sameAgent,
} from './state.ts'

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
    const { clusters, whenSilent } = release
    const weights = [{ release: release.id, weight: 1 }]
    const next = { generation: folding.position, weights, minReady: event.minReady }
    const proposed: SwitchState = {
      ...newSwitch(folding, app.app, event.required, event.deadlineAtMs),
      kind: 'promote',
      state: 'preparing',
      winners: [release.id],
      losers: losersOf(app, clusters, [release.id]),
      clusters,
      minReady: event.minReady,
      whenSilent,
    }
    const positioned = movePositions(state, app.app, folding, clusters, (position) => ({
      ...position,
      next,
      close: position.close.filter((id) => id !== release.id),
    }))
    const open = changedRelease(positioned, release.id, folding, (held) => ({
      ...held,
      phase: 'preparing',
      switch: proposed,
      drainAtMs: null,
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
    const former = Object.fromEntries(before.clusters.map((c) => [c, publicRelease(app, c)]))
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
      kind: 'rollback',
      state: 'committing',
      winners,
      losers: losersOf(app, clusters, winners),
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
    }))
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
    for (const release of releasesOf(next, app)) {
      const isPublic = isPublicAnywhere(app, release.id)
      if (completed.winners.includes(release.id)) {
        next = changedRelease(next, release.id, folding, (held) => ({
          ...held,
          phase: 'live',
          wasLive: true,
        }))
      } else if (completed.losers.includes(release.id) && !isPublic) {
        next = changedRelease(next, release.id, folding, (held) => ({
          ...held,
          phase: 'retired',
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
      phase: isPublicAnywhere(app, winner) ? 'live' : held.wasLive ? 'retired' : 'ready',
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

const losersOf = (app: AppState, clusters: readonly string[], winners: readonly string[]) =>
  [...new Set(clusters.flatMap((cluster) => publicRelease(app, cluster) ?? []))].filter(
    (id) => !winners.includes(id),
  )

const isPublicAnywhere = (app: AppState, release: string): boolean =>
  Object.keys(app.positions).some((cluster) => publicRelease(app, cluster) === release)

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
