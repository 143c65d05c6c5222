/**
 * The promises that a simulated life must keep, checked against what the model agents really do: not
 * against what control believes of them.
 */
import assert from 'node:assert/strict'
import type { PositionObject } from '#wire/object.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import { decide } from '../../control/domain/decide.ts'
import type { DomainEvent, EventOf } from '../../control/domain/event.ts'
import type { TurnRecord } from '../../control/domain/record.ts'
import { rollbackTarget } from '../../control/domain/release/rollback-target.ts'
import { waitingOf } from '../../control/domain/release/waiting.ts'
import { rebuild, snapshotOf } from '../../control/domain/snapshot/snapshot.ts'
import {
  appOf,
  isActive,
  type ReleaseState,
  releaseOf,
  releasesOf,
  type State,
  sameAgent,
} from '../../control/domain/state.ts'
import { valuesOf } from '../../control/domain/table.ts'
import { releaseView } from '../../control/domain/view/view.ts'
import type { ModelAgent } from './model-agent.ts'
import type { ModelControl } from './model-control.ts'

type Weight = PositionObject['weights'][number]

export function createPromises(agents: readonly ModelAgent[]) {
  const revisions = new Map<string, number>()
  const generations = new Map<string, number>()
  const atAgents = new WeakMap<ModelAgent, Map<string, number>>()
  const shares = new Map<
    string,
    Pick<PositionObject, 'split'> & { candidate: Weight | undefined }
  >()
  const seen = new Set<string>()
  let lookedAt = 0

  /** Generations and revisions never go back; two releases at most are public in what is published. */
  function published(cluster: string, { revision, tree }: Publication): void {
    assert(revision >= (revisions.get(cluster) ?? 0), `${cluster}: revision ${revision} goes back`)
    revisions.set(cluster, revision)
    for (const object of objectsOf(tree)) {
      if (object.kind === 'backend') seen.add(object.release)
      if (object.kind !== 'position') continue
      const key = `${cluster} ${object.app}`
      const before = generations.get(key) ?? 0
      assert(object.generation >= before, `${key}: generation ${object.generation} goes back`)
      generations.set(key, object.generation)
      const open = object.weights.filter((one) => one.weight > 0)
      assert(open.length <= 2, `${key}: three releases are public`)
      assert(open.length < 2 || object.split, `${key}: nothing says how its users are split`)
      const named = [...open, ...(object.next?.weights ?? [])].map((one) => one.release)
      nobodyBack(key, object)
      for (const release of named)
        assert(hasBackend(tree, release), `${key}: ${release} is nowhere`)
    }
  }

  /** P10: as long as a candidate has a share, it grows, and the same users come first. */
  function nobodyBack(key: string, { weights, split }: PositionObject): void {
    const before = shares.get(key)
    const [candidate] = weights
    shares.set(key, { candidate, split })
    if (!split || before?.candidate?.release !== candidate?.release || !before?.split) return
    assert(candidate!.weight >= before.candidate!.weight, `${key}: users go back`)
    assert.deepEqual(split, before.split, `${key}: other users come first`)
  }

  /** P9: whoever has the traffic can give it back, until what was before has been given up. */
  function canGoBack({ state, fleet }: ModelControl, now: number): void {
    if (state().position === lookedAt) return
    lookedAt = state().position
    for (const release of valuesOf(state().releases)) {
      const app = appOf(state(), release.app)
      if (release.phase !== 'live' || !app || !('to' in rollbackTarget(state(), app, release))) {
        continue
      }
      const intent = { type: 'rollback-release', release: release.id } as const
      const asked = { kind: 'intent', intent, actor: 'alice', idempotencyKey: null } as const
      const decision = decide(state(), fleet(), { ...asked, ifMatch: null }, now)
      const code = decision.kind === 'rejected' ? decision.rejection.code : null
      const open = code === null || code === 'release-in-progress'
      assert(open, `${release.id} cannot go back: ${code}`)
    }
  }

  /** What leaves the content is used by no agent that is enrolled, and cannot be reached there. */
  function recorded(before: State, after: State, record: TurnRecord): void {
    for (const event of record.events) proven(before, event)
    for (const cluster of before.clusters.keys()) {
      const kept = backendsOf(snapshotOf(after, cluster))
      for (const release of backendsOf(snapshotOf(before, cluster))) {
        if (kept.has(release)) continue
        for (const agent of agents.filter((one) => one.cluster === cluster)) {
          const what = `${release} left ${cluster} with record ${record.position}`
          assert.equal(agent.inUse(release), 0, `${what} while in use at ${agent.agent}`)
          assert(!agent.mayStillReach(release), `${what} and ${agent.agent} may still reach it`)
        }
      }
    }
  }

  /** A commit is decided, and called complete, only by what every agent it counts has really done. */
  function proven(before: State, event: DomainEvent): void {
    if (event.type === 'copies-replaced') replaced(before, event)
    if (event.type !== 'commit-decided' && event.type !== 'switch-completed') return
    const { app, generation, except } = event
    const open = appOf(before, app)?.switch
    assert.equal(open?.generation, generation, `${event.type} of a switch that was not open`)
    for (const ref of open?.required ?? []) {
      const agent = agents.find((one) => sameAgent(one, ref))
      if (!agent || except.some((one) => sameAgent(one, ref))) continue
      const what: string = `${event.type} ${generation} of ${app} without ${agent.agent}`
      if (event.type === 'commit-decided') assert(agent.hasBeenPrepared(generation), what)
      else assert(agent.generation(app) >= generation, what)
    }
  }

  /** Rolling: no agent that counts sees a copy of what was replaced (P3). */
  function replaced(before: State, { release, cluster, evidence }: EventOf<'copies-replaced'>) {
    const old = releaseOf(before, release)?.replaces[cluster] ?? []
    assert(old.length > 0, `${release} replaces nothing in ${cluster}`)
    for (const ref of evidence) {
      const agent = agents.find((one) => sameAgent(one, ref))
      const seen = old.filter((id) => (agent?.readyCopies(id) ?? 0) > 0)
      assert.deepEqual(seen, [], `${release} is called whole in ${cluster} at ${ref.agent}`)
    }
  }

  function step(control: ModelControl, now: number): void {
    const { state, fleet } = control
    const open = [...state().open].flatMap((app) => releasesOf(state(), appOf(state(), app)!))
    for (const release of open) {
      if (!mustSayWhy(release)) continue
      const waiting = waitingOf(state(), fleet(), release, now)
      assert(waiting?.message, `${release.id} is ${release.phase} and does not say why`)
    }
    for (const agent of agents) neverBack(agent)
    canGoBack(control, now)
  }

  function neverBack(agent: ModelAgent): void {
    const known = atAgents.get(agent) ?? new Map<string, number>()
    atAgents.set(agent, known)
    for (const app of ['shop', 'blog']) {
      const generation = agent.generation(app)
      const before = known.get(app) ?? 0
      assert(generation === 0 || generation >= before, `${agent.agent}: ${app} goes back`)
      known.set(app, Math.max(before, generation))
      assert(agent.publicReleases(app).length <= 2, `${agent.agent}: three releases are public`)
    }
  }

  /** The alarm is never late: until it is due, time alone changes nothing. */
  function timeAlone({ state, fleet }: ModelControl, now: number): void {
    const decision = decide(state(), fleet(), { kind: 'alarm' }, now)
    assert.equal(decision.kind, 'nothing', 'time changed something before the alarm was due')
  }

  /** Healed and left alone: everything has come to an end, on one side everywhere. */
  function rest(control: ModelControl, now: number): void {
    const state = control.state()
    for (const release of valuesOf(state.releases)) {
      const why = JSON.stringify(releaseView(state, control.fleet(), release.id, now), null, 1)
      const ended = release.gone || ['ready', 'live', 'retired'].includes(release.phase)
      const gate =
        release.phase === 'progressing' && waitingOf(state, control.fleet(), release, now)
      const waits =
        (gate && ['promote', 'paused', 'approvals', 'frozen'].includes(gate.code)) ||
        Object.values(release.replacedBy).some((id) => releaseOf(state, id)?.paused)
      assert(ended || waits, `${release.id} has not come to an end: ${why}`)
      const replaced = release.gone ? Object.values(release.replaces) : []
      assert.deepEqual(replaced, [], `${release.id} is gone and replaces others: ${why}`)
      if (release.phase === 'live') {
        assert.equal(releaseView(state, control.fleet(), release.id, now)?.status, 'live', why)
      }
    }
    for (const cluster of state.clusters.keys()) {
      const tree = snapshotOf(state, cluster)
      assert.equal(rebuild(state, cluster).root, tree.root, `${cluster}: the tree is not the state`)
      for (const object of objectsOf(tree)) {
        if (object.kind !== 'position') continue
        assert.equal(object.next, undefined, `${object.key} still has a next`)
        const wanted = object.weights.filter((one) => one.weight > 0).map((one) => one.release)
        for (const agent of agents.filter((one) => one.cluster === cluster)) {
          assert.deepEqual(agent.publicReleases(object.app), wanted, agent.agent)
        }
      }
    }
  }

  return { published, recorded, step, timeAlone, rest, releasesSeen: () => seen }
}

const mustSayWhy = (release: ReleaseState): boolean =>
  isActive(release) || (release.leavingSince !== null && !release.gone)

const backendsOf = (tree: Tree): Set<string> =>
  new Set([...objectsOf(tree)].flatMap((one) => (one.kind === 'backend' ? one.release : [])))

const hasBackend = (tree: Tree, release: string): boolean => backendsOf(tree).has(release)
