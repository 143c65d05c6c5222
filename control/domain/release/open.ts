/** Which apps something is open for: only they are looked at when a report comes or time passes. */

import {
  type AppState,
  appOf,
  isIncomplete,
  isSwitching,
  type ReleaseState,
  releaseOf,
  type State,
} from '../state.ts'
import { isBeingReplaced } from '../switch/replacement.ts'

export function isOpen(state: State, name: string): boolean {
  const app = appOf(state, name)
  if (!app || isAppOpen(app)) return app !== undefined
  // The newest first: it is mostly that one.
  return app.releases.findLast((id) => isOpenIn(state, name, id)) !== undefined
}

/** The same for an app that was not open before these releases changed. */
export function isOpened(state: State, name: string, changed: ReadonlySet<string>): boolean {
  const app = appOf(state, name)
  return (
    app !== undefined && (isAppOpen(app) || [...changed].some((id) => isOpenIn(state, name, id)))
  )
}

function isOpenIn(state: State, app: string, id: string): boolean {
  const release = releaseOf(state, id)
  return release !== undefined && release.app === app && isReleaseOpen(release)
}

const isAppOpen = (app: AppState): boolean =>
  app.deleting ||
  Object.keys(app.leaving).length > 0 ||
  isSwitching(app) ||
  (app.switch !== null && isIncomplete(app.switch))

const isReleaseOpen = (release: ReleaseState): boolean =>
  release.phase === 'starting' ||
  release.phase === 'progressing' ||
  awaitsAutoPromote(release) ||
  Object.keys(release.replaces).length > 0 ||
  isBeingReplaced(release) ||
  release.drainAtMs !== null ||
  (release.switch !== null && isIncomplete(release.switch)) ||
  (release.leavingSince !== null && !release.gone)

/** Ready, to be promoted without being asked, and not tried yet: once only. */
export const awaitsAutoPromote = (release: ReleaseState): boolean =>
  release.phase === 'ready' && release.autoPromote && release.switch === null
