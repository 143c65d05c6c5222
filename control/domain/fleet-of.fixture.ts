/** A fleet in a few words: intents, and agents that report what they are told to. */
import { expect } from 'vitest'
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { releaseIntent } from '#wire/release.ts'
import { quiet } from '#wire/report.fixture.ts'
import type { Report } from '#wire/report.ts'
import type { TokenScope } from '#wire/token.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import { type Compile, decide } from './decide.ts'
import type { Intent } from './input.ts'
import type { TurnRecord } from './record.ts'
import { alarmAt } from './release/alarm.ts'
import { emptyFleet, type Fleet, foldReport } from './reports/fleet.ts'
import { emptyState, type State } from './state.ts'
import { valuesOf } from './table.ts'

export const hash = digestOf('token')
export const key = 'k'.repeat(43)
export const now = 1_000

interface Asked {
  readonly ifMatch?: string
  readonly key?: string
  readonly compile?: Compile
  readonly actor?: string
  readonly scopes?: readonly TokenScope[]
}

export function fleetOf(...clusters: string[]) {
  let state: State = emptyState
  let fleet: Fleet = emptyFleet(now)
  let last: TurnRecord | null = null
  let sequence = 0
  let time = now
  const ask = (intent: Intent, more: Asked = {}) => {
    const idempotencyKey = more.key ?? null
    const input = {
      kind: 'intent' as const,
      intent,
      actor: more.actor ?? 'tests',
      scopes: more.scopes ?? [],
      idempotencyKey,
      ifMatch: more.ifMatch ?? null,
    }
    const decision = decide(state, fleet, input, time, more.compile)
    if (decision.kind !== 'record') return decision
    state = decision.state
    last = decision.record
    return decision
  }
  const refused = (...asked: Parameters<typeof ask>) => {
    const before = state
    const decision = ask(...asked)
    expect(state).toBe(before)
    return decision.kind === 'rejected' ? decision.rejection : null
  }
  /** The newest report of an agent that serves all there is, with these counts. */
  const report = (cluster: string, agent: string, more: Partial<Report> = {}) => {
    const { readyEndpoints = {} } = more
    const held = state.clusters.get(cluster)!
    const positions = Object.fromEntries(
      appsOf(state).flatMap(({ app, positions: { [cluster]: held } }) => {
        if (!held) return []
        const { generation: active, next } = held
        return [[app, { prepared: next?.generation ?? 0, active, appliedMs: 1, activeForMs: 1 }]]
      }),
    )
    const told: Report = {
      ...quiet,
      cluster,
      agent,
      sequence: ++sequence,
      epoch: state.epoch!,
      revision: held.revision,
      digest: held.tree.root,
      positions,
      readyEndpoints,
      rolling: rollingOf(held.tree, readyEndpoints),
      ...more,
    }
    fleet = foldReport(fleet, told, time, time)
    const decision = decide(state, fleet, { kind: 'report', report: told, receivedMs: time }, time)
    if (decision.kind === 'record') state = decision.state
    return decision
  }
  /** Time goes on; the alarm is taken whenever it is due. */
  const pass = (ms: number) => {
    for (const end = time + ms; ; ) {
      const due = alarmAt(state, fleet, time)
      time = due === null || due > end ? end : due
      const decision = decide(state, fleet, { kind: 'alarm' }, time)
      if (decision.kind === 'record') state = decision.state
      if (time === end) return
    }
  }
  const tokens = clusters.map((name) => ({ name, enrolmentTokenHash: hash }))
  ask({ type: 'init', epochId: '0'.repeat(16), clusters: tokens, adminTokenHash: hash })
  return {
    ask,
    refused,
    report,
    pass,
    time: () => time,
    state: () => state,
    last: () => last!,
    fleet: () => fleet,
  }
}

/** What the platform says of copies that are each as ready as they are there. */
const rollingOf = (tree: Tree, ready: Report['readyEndpoints']) =>
  [...objectsOf(tree)].flatMap((object) => {
    if (object.kind !== 'workload' || !object.rolling) return []
    const { release, rolling } = object
    const count = ready[release] ?? 0
    const old = rolling.replaces.reduce((sum, id) => sum + (ready[id] ?? 0), 0)
    return [{ release, updated: count, ready: count, old, stalled: null }]
  })

const appsOf = (state: State) => [...valuesOf(state.apps)]

export const putApp = (app: string, changes = {}): Intent => ({
  type: 'put-app',
  app,
  body: appIntent.parse({
    clusters: ['eu-1'],
    hosts: [`${app}.example`],
    platform: { type: 'static' },
    ...changes,
  }),
})
export const createRelease = (app: string, changes = {}): Intent => ({
  type: 'create-release',
  body: releaseIntent.parse({ app, version: '1', ...changes }),
})
export const enrol = (cluster: string, agent: string): Intent => ({
  type: 'enrol-agent',
  cluster,
  agent,
  publicKey: key,
  tokenHash: hash,
})
/** One agent, one app, whose first release is live. */
export function liveShop() {
  const fleet = fleetOf('eu-1', 'us-1')
  fleet.ask(enrol('eu-1', 'eu-1-a'))
  fleet.ask(putApp('shop'))
  fleet.ask(createRelease('shop'))
  const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1, 'shop-r3': 1 }
  const settle = (more: Partial<Report> = {}) => {
    for (let n = 0; n < 4; n++) fleet.report('eu-1', 'eu-1-a', { readyEndpoints, ...more })
  }
  settle()
  return { ...fleet, settle }
}
