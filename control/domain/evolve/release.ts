/** What events in the life of a release mean, its switches apart. */
import { limits } from '#wire/limits.ts'
import type { Folding, Handlers } from '../evolve.ts'
import { type AppState, publicRelease, type ReleaseState, releaseOf, type State } from '../state.ts'
import { drop, put } from '../table.ts'
import { appIn, changedApp, changedRelease, releaseIn, without, withoutCluster } from './change.ts'
import { announceRoll, withdrawRoll } from './replacement.ts'

export const releaseEvents: Handlers<
  | 'release-created'
  | 'release-ready'
  | 'release-aborted'
  | 'release-paused'
  | 'release-resumed'
  | 'release-approved'
  | 'release-overridden'
  | 'preview-link-issued'
  | 'copies-replaced'
  | 'release-left'
  | 'drain-deadline-passed'
  | 'decommission-started'
  | 'release-decommissioned'
> = {
  'release-created': (state, event, folding) => {
    const { type: _type, v: _v, release: id, ...asked } = event
    const whole = { clusters: asked.clusters, weight: 100, pause: null }
    const { at, actor, position } = folding
    const app = appIn(state, asked.app)
    folding.touched.releases.add(id)
    folding.touched.apps.add(app.app)
    const created: ReleaseState = {
      id,
      ...asked,
      strategy: asked.strategy ?? 'blueGreen',
      undo: asked.undo ?? null,
      image: asked.image ?? null,
      deployment: asked.deployment ?? null,
      target: asked.target ?? null,
      steps: asked.steps ?? [whole],
      stepsDone: 0,
      stepDoneAtMs: null,
      paused: null,
      resumedAtMs: null,
      approvals: [],
      approvalsWaived: false,
      rolling: asked.rolling ?? null,
      rollsOver: asked.rolling ? liveIn(app, asked.clusters) : {},
      rolledOverBy: {},
      replaces: {},
      replacedBy: {},
      platform: app.intent.platform,
      createdAtMs: at,
      createdBy: actor,
      createdRevision: position,
      changedRevision: position,
      phase: 'starting',
      former: {},
      wasLive: false,
      switch: null,
      leavingSince: null,
      gone: false,
      abortReason: null,
      drainAtMs: null,
    }
    const number = Number(id.slice(id.lastIndexOf('-r') + 2))
    const next = changedApp(state, app.app, (held) => ({
      ...held,
      releases: [...held.releases, id],
    }))
    const announced = announceRoll(next, created, folding)
    return {
      ...announced,
      releases: put(announced.releases, id, created),
      releaseNumbers: put(next.releaseNumbers, app.app, number),
    }
  },
  'release-ready': (state, { release }, folding) =>
    changedRelease(state, release, folding, (held) => ({ ...held, phase: 'ready' })),

  'release-aborted': (state, { release, reason }, folding) =>
    changedRelease(withdrawRoll(state, release, folding), release, folding, (held) => ({
      ...held,
      phase: 'aborted',
      abortReason: reason,
      leavingSince: folding.position,
      drainAtMs: drainAt(state, held, folding),
    })),

  'release-paused': (state, { release, reason }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      paused: { atMs: folding.at, by: folding.actor, reason },
    })),
  'release-resumed': (state, { release }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      paused: null,
      resumedAtMs: folding.at,
    })),
  'release-approved': (state, { release, reason }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      approvals: [...held.approvals, { by: folding.actor, atMs: folding.at, reason }],
    })),
  'release-overridden': (state, { release, approvalsMissing }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      // An override of a freeze alone stands for no approvals that are asked for later.
      approvalsWaived: held.approvalsWaived || approvalsMissing > 0,
    })),

  'preview-link-issued': (state) => state,

  'copies-replaced': (state, { release, cluster }, folding) => {
    // What was replaced is shown anew, and may leave.
    for (const id of releaseIn(state, release).replaces[cluster] ?? []) {
      if (releaseOf(state, id)) folding.touched.releases.add(id)
    }
    return changedRelease(state, release, folding, (held) => ({
      ...held,
      ...replacedIn(held, cluster),
    }))
  },
  'release-left': (state, { release, cluster }, folding) => {
    const next = changedRelease(state, release, folding, (held) => {
      const left = withoutCluster(held, cluster)
      const gone = left.clusters.length === 0
      const phase = held.phase === 'aborted' ? held.phase : ('decommissioned' as const)
      // One that is gone is shown with the steps that it went.
      const kept = gone ? { clusters: left.clusters, replaces: left.replaces } : left
      return { ...held, ...kept, ...(gone && { gone, phase, drainAtMs: null }) }
    })
    return withoutOldest(next, releaseIn(state, release).app)
  },

  'drain-deadline-passed': (state, { release }, folding) => {
    const next = changedRelease(state, release, folding, (held) => ({ ...held, drainAtMs: null }))
    return changedClose(next, release, folding, (close) =>
      [...close.filter((id) => id !== release), release].slice(-closeMax),
    )
  },
  'decommission-started': (state, { release }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      phase: 'decommissioning',
      leavingSince: folding.position,
    })),

  'release-decommissioned': (state, { release }, folding) => {
    const next = changedRelease(state, release, folding, (held) => ({
      ...held,
      phase: held.phase === 'aborted' ? 'aborted' : 'decommissioned',
      gone: true,
      // What it still replaced leaves after it: nobody replaces it any more.
      replaces: {},
      drainAtMs: null,
    }))
    const open = changedClose(next, release, folding, (close) =>
      close.filter((id) => id !== release),
    )
    return withoutOldest(open, releaseIn(state, release).app)
  },
}

const liveIn = (app: AppState, clusters: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    clusters.flatMap((cluster) => {
      const live = publicRelease(app, cluster)
      return live === null ? [] : [[cluster, live]]
    }),
  )

/** Without the cluster among those in which it replaces copies; live when nothing else is left to do. */
function replacedIn(held: ReleaseState, cluster: string) {
  const replaces = without(held.replaces, cluster)
  return { replaces, ...settled({ ...held, replaces }) }
}

/** After a step, or the copies that belong to it: between two steps, or live. */
export function settled(
  held: Pick<ReleaseState, 'phase' | 'steps' | 'stepsDone' | 'replaces' | 'wasLive'>,
): Pick<ReleaseState, 'phase' | 'wasLive'> {
  const { phase, wasLive } = held
  if (phase !== 'committing' && phase !== 'progressing') return { phase, wasLive }
  const more = held.stepsDone < held.steps.length || Object.keys(held.replaces).length > 0
  return more ? { phase: 'progressing', wasLive } : { phase: 'live', wasLive: true }
}

/** As many as a position object may name. */
const closeMax = 16

/** When what is still open on a release that loses its traffic at `at` is to be closed. */
export function drainAt(state: State, release: ReleaseState, { at }: Folding): number | null {
  const { drainDeadlineMs } = appIn(state, release.app).intent
  return drainDeadlineMs === undefined ? null : at + drainDeadlineMs
}

export function changedClose(
  state: State,
  release: string,
  { touched }: Folding,
  change: (close: readonly string[]) => readonly string[],
): State {
  const { app, clusters } = releaseIn(state, release)
  touched.positions.add(app)
  return changedApp(state, app, (held) => ({
    ...held,
    positions: Object.fromEntries(
      Object.entries(held.positions).map(([cluster, position]) => [
        cluster,
        clusters.includes(cluster) ? { ...position, close: change(position.close) } : position,
      ]),
    ),
  }))
}

/** Of the releases that are gone only the newest are kept; the log has them all. */
function withoutOldest(state: State, name: string): State {
  const app = appIn(state, name)
  const gone = app.releases.filter((id) => releaseOf(state, id)?.gone)
  const oldest = gone.slice(0, Math.max(0, gone.length - limits.goneReleasesKept))
  if (oldest.length === 0) return state
  let { releases } = state
  for (const id of oldest) releases = drop(releases, id)
  const next = changedApp(state, name, (held) => ({
    ...held,
    releases: held.releases.filter((id) => !oldest.includes(id)),
  }))
  return { ...next, releases }
}
