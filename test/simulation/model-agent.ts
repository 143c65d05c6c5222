/**
 * An agent's rules without its processes: admits only the newest header, serves it a moment later, keeps
 * what it serves on disk, reports everything cumulatively, carries exchanges. What control concludes from
 * its reports is checked against what it really does.
 */
import { type Epoch, precedence } from '#wire/header.ts'
import type { PositionObject, RouteObject } from '#wire/object.ts'
import type { Refusal, Report, RollingReport } from '#wire/report.ts'
import { objectsOf } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import type { AgentRef } from '../../control/domain/event.ts'
import { createModelPins } from './model-keys.ts'
import type { Random } from './random.ts'

export interface ModelAgent extends AgentRef {
  /** False: neither hears nor reports; what it has on disk stays. */
  isUp(): boolean
  stop(): void
  start(nowMs: number): void
  hear(publication: Publication, nowMs: number): void
  /** Makes what was admitted what is served: table and positions, on disk and in every worker. */
  settle(nowMs: number): void
  isSettled(): boolean
  /** Refuses the next newer header as one that does not compile. */
  refuseNext(): void
  setReady(release: string, count: number): void
  /** What it says of its platform, while it holds the lease. */
  setRolling(reports: readonly RollingReport[]): void
  /** Opens an exchange where a request would go now; null when nothing would answer. */
  openPublic(app: string): string | null
  openPreview(release: string): string | null
  close(release: string): void
  inUse(release: string): number
  /** What public requests of an app reach. */
  publicReleases(app: string): readonly string[]
  mayStillReach(release: string): boolean
  generation(app: string): number
  position(app: string): PositionObject | undefined
  /** Its own, without those that it shares. */
  readyCopies(release: string): number
  /** It has said so at least once. */
  hasBeenPrepared(generation: number): boolean
  /** Ids of the keys that it believes. */
  pinnedKeys(): readonly string[]
  report(nowMs: number): Report | null
}

interface Served extends Publication {
  /** By release: those whose endpoints count as its own. */
  readonly shares: ReadonlyMap<string, readonly string[]>
  readonly positions: ReadonlyMap<string, PositionObject>
  readonly previews: ReadonlySet<string>
}

const never: Epoch = { number: 1, id: '0000000000000000' }

export function createModelAgent(
  ref: AgentRef,
  random: Random,
  /** Raw public keys that its enrolment told it. */
  controlKeys: readonly string[] = [],
): ModelAgent {
  const pins = createModelPins(controlKeys)
  let up = true
  let instance = random.hex(16)
  let startedAtMs = 0
  let sequence = 0
  let held: Publication | null = null
  let heardMs: number | null = null
  let served: Served | null = null
  let refusing = false
  let refusals = new Map<Refusal['code'], Refusal>()
  const ready = new Map<string, number>()
  let rolling: readonly RollingReport[] = []
  const saidPrepared = new Set<number>()
  const exchanges = new Map<string, number>()
  const applied = new Map<string, { generation: number; appliedMs: number | null; atMs: number }>()

  const version = ({ epoch, revision, tree }: Publication) => ({
    epoch,
    revision,
    digest: tree.root,
  })
  const refuse = (code: Refusal['code'], revision: number, reason: string) => {
    const count = (refusals.get(code)?.count ?? 0) + 1
    refusals.set(code, { code, revision, reason, count })
  }
  const open = (release: string) => {
    exchanges.set(release, (exchanges.get(release) ?? 0) + 1)
    return release
  }
  /** Own endpoints and shared ones: what a worker has. */
  const endpoints = (release: string): number =>
    [release, ...(served?.shares.get(release) ?? [])].reduce(
      (sum, id) => sum + (ready.get(id) ?? 0),
      0,
    )
  const prepared = ({ next }: PositionObject): number => {
    const targets = next?.targets ?? next?.weights.map((one) => one.release)
    return next && targets?.every((id) => endpoints(id) >= next.minReady) ? next.generation : 0
  }
  const weighted = (position: PositionObject | undefined): string[] =>
    position?.weights.filter((one) => one.weight > 0).map((one) => one.release) ?? []

  return {
    ...ref,
    isUp: () => up,
    stop() {
      up = false
      exchanges.clear()
    },
    start(nowMs) {
      up = true
      instance = random.hex(16)
      startedAtMs = nowMs
      sequence = 0
      refusing = false
      refusals = new Map()
      held = served
      heardMs = null
      applied.clear()
    },
    hear(publication, nowMs) {
      if (!up) return
      const relation = held ? precedence(version(publication), version(held)) : 'newer'
      if (relation === 'older' || relation === 'fork') {
        refuse(relation, publication.revision, `it is ${relation}`)
      }
      if (relation !== 'newer') return
      if (refusing) {
        refusing = false
        refuse('does-not-compile', publication.revision, 'a route does not compile')
        return
      }
      held = publication
      pins.follow(publication)
      heardMs = nowMs
    },
    settle(nowMs) {
      if (!up || !held || held === served) return
      served = servedOf(held)
      for (const [app, { generation }] of served.positions) {
        if (applied.get(app)?.generation === generation) continue
        const appliedMs = heardMs === null ? null : nowMs - heardMs
        applied.set(app, { generation, appliedMs, atMs: nowMs })
      }
    },
    isSettled: () => held === served,
    refuseNext() {
      refusing = true
    },
    setRolling(reports) {
      rolling = reports
    },
    setReady(release, count) {
      ready.set(release, count)
    },
    openPublic(app) {
      const releases = up ? weighted(served?.positions.get(app)) : []
      const release = releases.length > 0 ? random.pick(releases) : undefined
      return release && endpoints(release) > 0 ? open(release) : null
    },
    openPreview(release) {
      return up && served?.previews.has(release) && endpoints(release) > 0 ? open(release) : null
    },
    close(release) {
      const count = exchanges.get(release) ?? 0
      if (count > 1) exchanges.set(release, count - 1)
      else exchanges.delete(release)
    },
    inUse: (release) => exchanges.get(release) ?? 0,
    publicReleases: (app) => weighted(served?.positions.get(app)),
    mayStillReach: (release) =>
      served !== null &&
      (served.previews.has(release) ||
        [...served.positions.values()].some((position) => weighted(position).includes(release))),
    readyCopies: (release) => ready.get(release) ?? 0,
    position: (app) => served?.positions.get(app),
    generation: (app) => served?.positions.get(app)?.generation ?? 0,
    pinnedKeys: pins.ids,
    hasBeenPrepared: (generation) => saidPrepared.has(generation),
    report(nowMs) {
      if (!up || !held || !served) return null
      const positions = [...served.positions.values()].map((position) => {
        const measured = applied.get(position.app)
        saidPrepared.add(prepared(position))
        return [
          position.app,
          {
            prepared: prepared(position),
            active: position.generation,
            appliedMs: measured?.appliedMs ?? null,
            activeForMs: measured?.appliedMs == null ? null : nowMs - measured.atMs,
          },
        ] as const
      })
      return {
        cluster: ref.cluster,
        agent: ref.agent,
        instance,
        startedAtMs,
        sequence: ++sequence,
        epoch: held.epoch ?? never,
        revision: held.revision,
        digest: served.tree.root,
        formats: [1, 2],
        stale: false,
        drift: null,
        workers: 1,
        positions: Object.fromEntries(positions),
        readyEndpoints: Object.fromEntries([...ready].filter(([, count]) => count > 0)),
        inUse: Object.fromEntries(exchanges),
        rolling: [...rolling],
        refusals: [...refusals.values()],
        pinnedKeys: [...pins.ids()],
      }
    },
  }
}

function servedOf(publication: Publication): Served {
  const positions = new Map<string, PositionObject>()
  const previews = new Set<string>()
  const shares = new Map<string, readonly string[]>()
  for (const object of objectsOf(publication.tree)) {
    if (object.kind === 'position') positions.set(object.app, object)
    if (object.kind === 'backend' && object.shares) shares.set(object.release, object.shares)
    if (object.kind === 'route' && isPreview(object)) previews.add(object.release)
  }
  return { ...publication, positions, previews, shares }
}

const isPreview = (route: RouteObject): route is RouteObject & { release: string } =>
  route.release !== undefined
