/** Changing one app or one release of a state; naming one that does not exist is a damaged log. */
import type { Folding } from '../evolve.ts'
import {
  type AppState,
  appOf,
  type ReleaseState,
  releaseOf,
  type State,
  type Step,
} from '../state.ts'
import { put } from '../table.ts'

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

/** A release that is not in a cluster any more has no step there: it may begin anew in the others. */
export function withoutCluster(
  { clusters, steps, stepsDone, replaces }: ReleaseState,
  cluster: string,
): Pick<ReleaseState, 'clusters' | 'steps' | 'stepsDone' | 'replaces'> {
  const left = steps.map((step) => ({
    ...step,
    clusters: step.clusters.filter((one) => one !== cluster),
  }))
  const isLeft = (step: Step) => step.clusters.length > 0
  return {
    clusters: clusters.filter((one) => one !== cluster),
    steps: left.filter(isLeft),
    stepsDone: left.slice(0, stepsDone).filter(isLeft).length,
    replaces: without(replaces, cluster),
  }
}

export const without = <Value>(
  record: Readonly<Record<string, Value>>,
  ...keys: readonly string[]
): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))
