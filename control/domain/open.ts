/** Which apps something is open for: only they are looked at when a report comes or time passes. */
import { isBeingReplaced } from './replacement.ts'
import {
  type AppState,
  appOf,
  isIncomplete,
  isSwitching,
  type ReleaseState,
  releasesOf,
  type State,
} from './state.ts'

export function isOpen(state: State, name: string): boolean {
  const app = appOf(state, name)
  return app !== undefined && (isAppOpen(app) || releasesOf(state, app).some(isReleaseOpen))
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
