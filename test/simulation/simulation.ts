/**
 * One seeded life of a fleet: model agents, a network that loses, repeats, delays and reorders, restarts
 * of both sides, operators who press buttons at random. Promises are checked after every step; at the end
 * the network heals and everything must come to rest on one side.
 */
import { digestOf } from '#wire/digest.ts'
import type { Report } from '#wire/report.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import type { EventType } from '../../control/domain/event.ts'
import type { Intent } from '../../control/domain/input.ts'
import { appOf, type ReleaseState, releasesOf } from '../../control/domain/state.ts'
import { createModelAgent, type ModelAgent } from './model-agent.ts'
import { createModelControl } from './model-control.ts'
import { changeKeys, keysOf, nobodyRefuses, pinnedExactly } from './model-keys.ts'
import { createModelPlatform } from './model-platform.ts'
import {
  clusters,
  createRelease,
  freeze,
  motion,
  motions,
  people,
  putApp,
  usual,
} from './operators.ts'
import { createPromises } from './promises.ts'
import { createRandom } from './random.ts'

const apps = ['shop', 'blog'] as const
const inFlightMax = 24
const publicationsKept = 6
/** Longer than any pause between two steps and any freeze window. */
const patienceMs = 20_000

export interface Outcome {
  readonly records: number
  /** Types of all events, in order. */
  readonly events: readonly EventType[]
  readonly log: readonly string[]
}

/** Throws with what was broken; the caller names the seed. */
export function simulate(seed: number, steps: number): Outcome {
  const random = createRandom(seed)
  /** Of its own, so that keys leave the rest of a life as it is. */
  const keyRandom = createRandom(~seed)
  const stored = new Map<string, Publication[]>()
  const agents: ModelAgent[] = []
  const inFlight: Report[] = []
  const platforms = new Map(clusters.map((name) => [name as string, createModelPlatform(random)]))
  const promises = createPromises(agents)
  const control = createModelControl((cluster, publication) => {
    promises.published(cluster, publication)
    const there = agents.filter((agent) => agent.cluster === cluster)
    nobodyRefuses(there, control.state())
    stored.set(cluster, [...(stored.get(cluster) ?? []), publication].slice(-publicationsKept))
  }, promises.recorded)
  /** In some lives apps come and go, whatever of them is still under way or not yet gone. */
  const deletes = random.pick([0.01, 0.01, 0.06])
  /** In some lives agents do as they are told at once; but copies take long, and what moves is given up. */
  const hasty = random.chance(0.2)
  let now = 1_000_000

  const ask = (intent: Intent, actor: string = people[0]) => {
    const idempotencyKey = random.chance(0.3) ? `key-${random.below(40)}` : null
    const scopes = random.chance(0.5) ? (['override'] as const) : []
    control.ask(intent, now, { idempotencyKey, actor, scopes })
  }
  const enrol = (cluster: string, name: string) => {
    const [publicKey, tokenHash] = ['k'.repeat(43), digestOf(name)]
    control.ask({ type: 'enrol-agent', cluster, agent: name, publicKey, tokenHash }, now)
    const { publicKeys } = keysOf(control.state())
    agents.push(createModelAgent({ cluster, agent: name }, random, publicKeys))
  }
  const newestOf = (agent: ModelAgent) => stored.get(agent.cluster)?.at(-1)

  function pass(ms: number): void {
    for (const end = now + ms; ; ) {
      const due = control.alarmAt(now)
      if (due === null || due > end) {
        now = end
        promises.timeAlone(control, now)
        return
      }
      now = due
      control.alarm(now)
    }
  }

  function startCopies(agent: ModelAgent, all: boolean): void {
    const newest = newestOf(agent)
    if (!newest) return
    const platform = platforms.get(agent.cluster)!
    if (all) platform.settle(newest.tree)
    else platform.step(newest.tree)
    for (const [release, copies] of platform.ready()) {
      const count = all || random.chance(0.97) ? copies : random.below(copies + 1)
      agent.setReady(release, count)
    }
    const holder = agents.find((one) => one.cluster === agent.cluster && one.isUp())
    agent.setRolling(agent === holder ? platform.rolling() : [])
  }

  function operate(): void {
    const app = random.chance(0.8) ? apps[0] : apps[1]
    const state = control.state()
    const held = appOf(state, app)
    const releases = held ? releasesOf(state, held).filter((release) => !release.gone) : []
    const wish = random.next()
    if (wish < 0.02) ask(freeze(random, now))
    else if (!held || wish < 0.06) ask(putApp(random, app))
    else if (wish < 0.06 + deletes) ask({ type: 'delete-app', app })
    else if (releases.length === 0 || wish < 0.3) ask(createRelease(random, app))
    else if (hasty && giveUp(releases)) return
    else {
      const { id, phase } = random.pick(releases)
      const choice = wish < 0.93 ? (usual[phase] ?? motions) : motions
      if (choice.length > 0) ask(motion(random, random.pick(choice), id), random.pick(people))
    }
  }

  function giveUp(releases: readonly ReleaseState[]): boolean {
    const moving = releases.find(({ phase }) => phase === 'committing' || phase === 'progressing')
    if (!moving || random.chance(0.3)) return false
    const name =
      moving.phase === 'committing' ? 'rollback' : random.pick(['abort', 'rollback'] as const)
    ask(motion(random, name, moving.id), random.pick(people))
    return true
  }

  function exchange(agent: ModelAgent): void {
    const app = random.pick(apps)
    const releases = [...Array(12).keys()].map((n) => `${app}-r${n + 1}`)
    const what = random.pick(['public', 'public', 'preview', 'close'])
    if (what === 'public') agent.openPublic(app)
    else if (what === 'preview') agent.openPreview(random.pick(releases))
    else for (const release of releases) if (agent.inUse(release)) agent.close(release)
  }

  function deliver(): void {
    if (inFlight.length === 0) return
    const index = random.below(inFlight.length)
    const report = inFlight[index]!
    if (!random.chance(0.15)) inFlight.splice(index, 1)
    if (!random.chance(0.1)) control.report(report, now)
  }

  function send(agent: ModelAgent): void {
    const report = agent.report(now)
    if (report && inFlight.length < inFlightMax && !random.chance(0.15)) inFlight.push(report)
  }

  /** Most of the time an agent does what it should; the rest is half of it, late, or trouble. */
  function agentStep(agent: ModelAgent): void {
    const chosen = random.next()
    if (chosen < 0.5) {
      hear(agent)
      agent.settle(now)
      startCopies(agent, false)
      send(agent)
    } else if (chosen < 0.6) hear(agent)
    else if (chosen < 0.7) agent.settle(now)
    else if (chosen < 0.8) send(agent)
    else if (chosen < 0.85) startCopies(agent, false)
    else if (chosen < 0.97) exchange(agent)
    else if (chosen < 0.98) agent.stop()
    else if (chosen < 0.983) agent.refuseNext()
    else if (chosen < 0.986) forget(agent)
    if (!agent.isUp() && random.chance(0.1)) agent.start(now)
  }

  function hear(agent: ModelAgent): void {
    const known = stored.get(agent.cluster) ?? []
    const publication = random.chance(0.9) ? known.at(-1) : known[random.below(known.length)]
    if (publication) agent.hear(publication, now)
  }

  /** Only what is really gone may be forgotten; another one may join in its place. */
  function forget(agent: ModelAgent): void {
    if (agents.filter((one) => one.cluster === agent.cluster).length < 2) return
    agent.stop()
    agents.splice(agents.indexOf(agent), 1)
    control.ask({ type: 'forget-agent', cluster: agent.cluster, agent: agent.agent }, now)
    if (random.chance(0.7)) enrol(agent.cluster, `${agent.cluster}-${random.hex(4)}`)
  }

  function settleAll(allCopies: boolean): void {
    for (const agent of agents) {
      if (!agent.isUp()) agent.start(now)
      const publication = newestOf(agent)
      if (publication) agent.hear(publication, now)
      agent.settle(now)
      startCopies(agent, allCopies)
      for (const release of promises.releasesSeen())
        while (agent.inUse(release)) agent.close(release)
      const report = agent.report(now)
      if (report) control.report(report, now)
      promises.step(control, now)
    }
  }

  const tokens = clusters.map((name) => ({ name, enrolmentTokenHash: digestOf(name) }))
  control.ask(
    { type: 'init', epochId: '0123456789abcdef', clusters: tokens, adminTokenHash: null },
    now,
  )
  for (const cluster of clusters) for (const letter of 'ab') enrol(cluster, `${cluster}-${letter}`)
  for (const app of apps) ask(putApp(random, app))

  for (let step = 0; step < steps; step++) {
    const chosen = hasty ? 0.77 + 0.225 * random.next() : random.next()
    if (chosen < 0.5) agentStep(random.pick(agents))
    else if (chosen < 0.77) deliver()
    else if (chosen < 0.89) operate()
    // Now and then everything goes well for a moment, so that lives get far.
    else if (chosen < 0.93) settleAll(!hasty)
    else if (chosen < 0.995) pass(random.below(random.chance(0.05) ? 8_000 : 200))
    else control.restart(now)
    if (keyRandom.chance(0.05)) control.ask(changeKeys(keyRandom, control.state()), now)
    promises.step(control, now)
  }

  inFlight.length = 0
  for (let round = 0; round < 80; round++) {
    const before = control.state().position
    settleAll(true)
    pass(2_000)
    const due = control.alarmAt(now) ?? Number.POSITIVE_INFINITY
    if (round > 8 && control.state().position === before && due > now + patienceMs) break
  }
  promises.rest(control, now)
  pinnedExactly(agents, control.state())
  const events = control.records().flatMap((record) => record.events.map(({ type }) => type))
  return { records: control.log().length, events, log: control.log() }
}
