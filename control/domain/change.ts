/** Changing one app or one release of a state; naming one that does not exist is a damaged log. */
import type { Folding } from './evolve.ts'
import { type AppState, appOf, type ReleaseState, releaseOf, type State } from './state.ts'
import { put } from './table.ts'

export function appIn(state: State, name: string): AppState {
  const app = appOf(state, name)
  if (!app) throw new Error(`the log names an unknown app "${name}"`)
  return app
}

export function releaseIn(state: State, id: string): ReleaseState {
  const release = releaseOf(state, id)
  if (!release) throw new Error(`the log names an unknown release "${id}"`)
  return release
}

export const changedApp = (
  state: State,
  name: string,
  change: (held: AppState) => AppState,
): State => ({ ...state, apps: put(state.apps, name, change(appIn(state, name))) })

export function changedRelease(
  state: State,
  id: string,
  { position, touched }: Folding,
  change: (held: ReleaseState) => ReleaseState,
): State {
  const held = releaseIn(state, id)
  touched.releases.add(id)
  touched.apps.add(held.app)
  const changed = { ...change(held), changedRevision: position }
  return { ...state, releases: put(state.releases, id, changed) }
}
