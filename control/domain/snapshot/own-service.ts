/**
 * Which release the app's own Service in a cluster selects, for clients inside it (`platform.service`). They do
 * not come by the agents, so that their moment is the proof: a switch takes the Service along once it is
 * completed, a canary when its last step is, and a rollback at once, because what it leads to runs already. A
 * rolling release has it from its beginning: it selects the one Deployment that has the old and the new pods.
 */
import {
  type AppState,
  publicRelease,
  type ReleaseState,
  releaseOf,
  type State,
  type SwitchState,
} from '../state.ts'

export function releaseInService(state: State, app: AppState, cluster: string): string | null {
  const leads = publicRelease(app, cluster)
  const [winner] = app.switch && isUnproven(app.switch, cluster) ? app.switch.winners : []
  if (leads === null || leads !== winner) return leads
  return releaseOf(state, winner)?.former[cluster] ?? null
}

/** Decided, and not every agent has followed; its copies of before all run. */
const isUnproven = ({ kind, state, clusters }: SwitchState, cluster: string): boolean =>
  kind === 'promote' && state === 'committing' && clusters.includes(cluster)

/** The name of the Service when it selects this release; a Service is where the app is now. */
export function serviceOf(
  state: State,
  app: AppState,
  { id, platform }: ReleaseState,
  cluster: string,
): string | undefined {
  const now = app.intent.platform
  if (platform.type !== 'kubernetes' || now.type !== 'kubernetes') return undefined
  if (platform.namespace !== now.namespace) return undefined
  return releaseInService(state, app, cluster) === id ? now.service : undefined
}
