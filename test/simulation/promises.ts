/**
 * The promises that a simulated life must keep, checked against what the model agents really do: not
 * against what control believes of them.
 */
import assert from 'node:assert/strict'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import { decide } from '../../control/domain/decide.ts'
import type { DomainEvent } from '../../control/domain/event.ts'
import type { TurnRecord } from '../../control/domain/record.ts'
import { rebuild, snapshotOf } from '../../control/domain/snapshot.ts'
import {
  appOf,
  isActive,
  type ReleaseState,
  releasesOf,
  type State,
  sameAgent,
} from '../../control/domain/state.ts'
import { valuesOf } from '../../control/domain/table.ts'
import { releaseView } from '../../control/domain/view.ts'
import { waitingOf } from '../../control/domain/waiting.ts'
import type { ModelAgent } from './model-agent.ts'
import type { ModelControl } from './model-control.ts'

export function createPromises(agents: readonly ModelAgent[]) {
  const revisions = new Map<string, number>()
  const generations = new Map<string, number>()
  const atAgents = new WeakMap<ModelAgent, Map<string, number>>()
  const seen = new Set<string>()

  /** Generations and revisions never go back; one release at most is public in what is published. */
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
      assert(open.length <= 1, `${key}: two releases are public`)
      const named = [...open, ...(object.next?.weights ?? [])].map((one) => one.release)
      for (const release of named)
        assert(hasBackend(tree, release), `${key}: ${release} is nowhere`)
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

  function step({ state, fleet }: ModelControl, now: number): void {
    const open = [...state().open].flatMap((app) => releasesOf(state(), appOf(state(), app)!))
    for (const release of open) {
      if (!mustSayWhy(release)) continue
      const waiting = waitingOf(state(), fleet(), release, now)
      assert(waiting?.message, `${release.id} is ${release.phase} and does not say why`)
    }
    for (const agent of agents) neverBack(agent)
  }

  function neverBack(agent: ModelAgent): void {
    const known = atAgents.get(agent) ?? new Map<string, number>()
    atAgents.set(agent, known)
    for (const app of ['shop', 'blog']) {
      const generation = agent.generation(app)
      const before = known.get(app) ?? 0
      assert(generation === 0 || generation >= before, `${agent.agent}: ${app} goes back`)
      known.set(app, Math.max(before, generation))
      assert(agent.publicReleases(app).length <= 1, `${agent.agent}: two releases are public`)
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
      assert(ended, `${release.id} has not come to an end: ${why}`)
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
