/**
 * A year of releases as a log: every record is decided and folded by the domain itself, for apps whose
 * agents answer at once. Blue-green promotes, now and then a rollback, a candidate that is given up, a
 * changed route; what is retired is decommissioned, so that the state stays bounded as in a real fleet.
 */
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { supportedFormats } from '#wire/header.ts'
import { releaseIntent } from '#wire/release.ts'
import type { Report } from '#wire/report.ts'
import { decide } from '../../control/domain/decide.ts'
import type { Intent } from '../../control/domain/input.ts'
import { recordText, type TurnRecord } from '../../control/domain/record.ts'
import { emptyFleet, type Fleet, foldReport } from '../../control/domain/reports/fleet.ts'
import { appOf, emptyState, releaseOf, type State } from '../../control/domain/state.ts'

export interface Year {
  readonly releases: number
  readonly apps: number
  readonly clusters: readonly string[]
  readonly agentsPerCluster: number
  /** Wall clock of the first record. */
  readonly startMs: number
  readonly adminTokenHash: string
}

const dayMs = 86_400_000
const releasesPerDay = 100
const every = { rollback: 20, givenUp: 25, changedRoute: 10 }

/** Hands over each record's text, in order; resolves with the state at the end. */
export function makeYear({ adminTokenHash, ...year }: Year, append: (text: string) => void): State {
  let state: State = emptyState
  let fleet: Fleet = emptyFleet(year.startMs)
  let now = year.startMs
  let sequence = 0
  let intents = 0

  const keep = (record: TurnRecord, next: State) => {
    append(recordText(record))
    state = next
  }
  function ask(intent: Intent): void {
    now += 40
    const idempotencyKey = `ci-${(++intents).toString(36).padStart(6, '0')}-${digestOf(intents).slice(0, 12)}`
    const input = { kind: 'intent', intent, actor: 'ci', idempotencyKey, ifMatch: null } as const
    const decision = decide(state, fleet, input, now)
    if (decision.kind !== 'record') {
      throw new Error(`${intent.type} was not taken: ${JSON.stringify(decision)}`)
    }
    keep(decision.record, decision.state)
  }
  /** Every agent reports that it serves everything there is; until nothing follows from it. */
  function settle(app: string): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const cluster of state.clusters.values()) {
        for (const { agent } of cluster.agents.values()) {
          now += 5
          const told = report(cluster.name, agent, app)
          fleet = foldReport(fleet, told, now, now)
          const decision = decide(
            state,
            fleet,
            { kind: 'report', report: told, receivedMs: now },
            now,
          )
          if (decision.kind !== 'record') continue
          keep(decision.record, decision.state)
          moved = true
        }
      }
    }
  }
  function report(cluster: string, agent: string, app: string): Report {
    const held = state.clusters.get(cluster)!
    const positions: Report['positions'] = {}
    const readyEndpoints: Report['readyEndpoints'] = {}
    const { positions: at, releases } = appOf(state, app)!
    const position = at[cluster]
    if (position) {
      const { generation: active, next } = position
      positions[app] = { prepared: next?.generation ?? 0, active, appliedMs: 3, activeForMs: 2 }
      for (const id of releases) if (!releaseOf(state, id)?.gone) readyEndpoints[id] = 2
    }
    return {
      cluster,
      agent,
      instance: '0'.repeat(16),
      startedAtMs: 0,
      sequence: ++sequence,
      epoch: state.epoch!,
      revision: held.revision,
      digest: held.tree.root,
      formats: [...supportedFormats],
      stale: false,
      drift: null,
      workers: 2,
      positions,
      readyEndpoints,
      inUse: {},
      refusals: [],
      pinnedKeys: [],
    }
  }
  const putApp = (app: string, turn: number): Intent => ({
    type: 'put-app',
    app,
    body: appIntent.parse({
      clusters: [...year.clusters],
      hosts: [`${app}.example`],
      routes: [
        { name: 'default' },
        {
          name: 'cart',
          matches: [{ path: { type: 'PathPrefix', value: '/cart' } }],
          ...(turn % 2 === 1 && { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } } }),
        },
      ],
      platform: { type: 'local', program: 'shop' },
      copies: 2,
    }),
  })

  const hash = digestOf('token')
  const tokens = year.clusters.map((name) => ({ name, enrolmentTokenHash: hash }))
  ask({ type: 'init', epochId: '0123456789abcdef', clusters: tokens, adminTokenHash })
  for (const cluster of year.clusters) {
    for (let n = 0; n < year.agentsPerCluster; n++) {
      const agent = `${cluster}-${n}`
      ask({ type: 'enrol-agent', cluster, agent, publicKey: 'k'.repeat(43), tokenHash: hash })
    }
  }
  const names = Array.from({ length: year.apps }, (_, n) => `app-${n + 1}`)
  for (const app of names) {
    ask(putApp(app, 0))
    settle(app)
  }
  for (let n = 0; n < year.releases; n++) {
    now = Math.max(now, year.startMs + Math.floor((n * dayMs) / releasesPerDay))
    const app = names[n % names.length]!
    if (n % every.changedRoute === 3) ask(putApp(app, Math.floor(n / names.length)))
    release(app, n)
  }
  return state

  function release(app: string, n: number): void {
    const live = appOf(state, app)!.positions[year.clusters[0]!]?.weights[0]?.release
    ask({
      type: 'create-release',
      body: releaseIntent.parse({ app, version: `1.${n}`, preview: { path: '/test' } }),
    })
    settle(app)
    const id = appOf(state, app)!.releases.at(-1)!
    if (!live) return
    if (n % every.givenUp === 7) {
      ask({ type: 'abort-release', release: id })
      settle(app)
      return
    }
    ask({ type: 'promote-release', release: id })
    settle(app)
    const loser = n % every.rollback === 11 ? id : live
    if (loser === id) {
      ask({ type: 'rollback-release', release: id })
      settle(app)
    }
    ask({ type: 'decommission-release', release: loser })
    settle(app)
  }
}
