/** What events in the life of a release mean, its switches apart. */
import { limits } from '#wire/limits.ts'
import { appIn, changedApp, changedRelease, releaseIn } from './change.ts'
import type { Folding, Handlers } from './evolve.ts'
import { type ReleaseState, releaseOf, type State } from './state.ts'
import { drop, put } from './table.ts'

export const releaseEvents: Handlers<
  | 'release-created'
  | 'release-ready'
  | 'release-aborted'
  | 'drain-deadline-passed'
  | 'decommission-started'
  | 'release-decommissioned'
> = {
  'release-created': (state, event, folding) => {
    const { type: _type, v: _v, release: id, ...asked } = event
    const { at, actor, position } = folding
    const app = appIn(state, asked.app)
    folding.touched.releases.add(id)
    folding.touched.apps.add(app.app)
    const created: ReleaseState = {
      id,
      ...asked,
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
    return {
      ...next,
      releases: put(next.releases, id, created),
      releaseNumbers: put(next.releaseNumbers, app.app, number),
    }
  },
  'release-ready': (state, { release }, folding) =>
    changedRelease(state, release, folding, (held) => ({ ...held, phase: 'ready' })),

  'release-aborted': (state, { release, reason }, folding) =>
    changedRelease(state, release, folding, (held) => ({
      ...held,
      phase: 'aborted',
      abortReason: reason,
      leavingSince: folding.position,
      drainAtMs: drainAt(state, held, folding),
    })),

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
      drainAtMs: null,
    }))
    const open = changedClose(next, release, folding, (close) =>
      close.filter((id) => id !== release),
    )
    return withoutOldest(open, releaseIn(state, release).app)
  },
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
