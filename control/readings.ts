/** What the API and the metrics read: the state and the fleet as they are now, and tokens' hashes. */
import type { AppReader } from './api/apps.ts'
import type { ClusterReader } from './api/clusters.ts'
import type { DocumentReader } from './api/documents.ts'
import type { ExplainReader } from './api/explain.ts'
import type { FreezeReader } from './api/freezes.ts'
import type { Credentials } from './api/guard.ts'
import type { IngressReader } from './api/ingresses.ts'
import type { KeyReader } from './api/keys.ts'
import type { PastReader } from './api/moments.ts'
import type { ReleaseReader } from './api/releases.ts'
import type { TokenReader } from './api/tokens.ts'
import { tokenView } from './domain/decide/fleet.ts'
import { keyViews } from './domain/decide/keys.ts'
import { freezeView } from './domain/release/freeze.ts'
import { ingressesOf, ingressView } from './domain/snapshot/ingress.ts'
import { snapshotOf } from './domain/snapshot/snapshot.ts'
import type { IngressState, KnownKeys } from './domain/state.ts'
import { valuesOf } from './domain/table.ts'
import { documentsOf } from './domain/view/documents.ts'
import { agentViews, appView, clusterView, releaseView } from './domain/view/view.ts'
import type { Explain } from './explaining.ts'
import type { History } from './history/history.ts'
import type { Turns } from './turn.ts'

export type Readings = AppReader &
  FreezeReader &
  ReleaseReader &
  ClusterReader &
  IngressReader &
  ExplainReader &
  PastReader &
  TokenReader &
  KeyReader &
  DocumentReader &
  Credentials

type Source = Pick<Turns, 'state' | 'fleet'>

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const present = <T>(value: T | null): T[] => (value === null ? [] : [value])

export function createReadings(
  turns: Source,
  history: History,
  explain: Explain,
  now: () => number,
  knownKeys: () => KnownKeys,
): Readings {
  const clusterOf = (name: string) => clusterView(turns.state(), turns.fleet(), name, now())
  return {
    apps() {
      const state = turns.state()
      const names = [...valuesOf(state.apps)].map(({ app }) => app).sort(byName)
      return names.flatMap((name) => present(appView(state, name)))
    },
    app: (name) => appView(turns.state(), name),
    releases({ app, phase, limit }, sees) {
      const [state, fleet, nowMs] = [turns.state(), turns.fleet(), now()]
      return [...valuesOf(state.releases)]
        .filter((release) => !app || release.app === app)
        .filter((release) => !phase || release.phase === phase)
        .filter((release) => sees(release.app, release.clusters))
        .sort((a, b) => b.createdRevision - a.createdRevision)
        .slice(0, limit)
        .flatMap(({ id }) => present(releaseView(state, fleet, id, nowMs)))
    },
    release: (id) => releaseView(turns.state(), turns.fleet(), id, now()),
    freezes: () =>
      [...turns.state().freezes.values()]
        .sort((a, b) => byName(a.name, b.name))
        .map((freeze) => freezeView(freeze, now())),
    clusters: () =>
      [...turns.state().clusters.keys()].sort(byName).flatMap((name) => present(clusterOf(name))),
    cluster: clusterOf,
    ingresses(cluster) {
      const state = turns.state()
      if (!state.clusters.has(cluster)) return null
      const view = (one: IngressState) => ingressView(state, turns.fleet(), one, now())
      return ingressesOf(state, cluster).map(view)
    },
    agents: (cluster) => agentViews(turns.state(), turns.fleet(), cluster, now()),
    position: () => turns.state().position,
    nowMs: now,
    clusterNames: () => [...turns.state().clusters.keys()].sort(byName),
    positionAt: (atMs) => history.positionAt(atMs, turns.state().position),
    async snapshot(cluster, position) {
      const state = turns.state()
      if (position !== undefined && position !== state.position) {
        return history.snapshot(cluster, position)
      }
      const held = state.clusters.get(cluster)
      if (!held || !state.epoch) return { found: null }
      const { epoch, format } = state
      const tree = snapshotOf(state, cluster)
      return { found: { cluster, epoch, revision: held.revision, format, tree } }
    },
    served: (snapshot, position) => history.served(snapshot, position ?? turns.state().position),
    blame: (cluster, position, request) =>
      history.blame(cluster, position ?? turns.state().position, request),
    audit: (filter) => history.audit(filter, turns.state().position),
    explain: (tree, request) =>
      explain(
        tree,
        request,
        [...turns.state().clusters.values()].some((one) => one.tree === tree),
      ),
    documents: () => documentsOf(turns.state()),
    keys: () => keyViews(turns.state(), turns.fleet(), knownKeys()),
    tokens: () => [...turns.state().tokens.values()].map(tokenView),
    operatorTokens: () => turns.state().tokens.values(),
    now,
    *enrolmentTokens() {
      for (const { name, enrolmentTokenHash } of turns.state().clusters.values()) {
        yield { cluster: name, tokenHash: enrolmentTokenHash }
      }
    },
    agentTokens: (cluster) => turns.state().clusters.get(cluster)?.agents.values() ?? [],
  }
}
