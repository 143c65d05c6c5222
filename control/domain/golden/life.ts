/**
 * A life in which everything happens that this version knows: what golden logs are made from. Everything is
 * said by the domain itself, on a clock that the life turns; the test keeps the list of events complete.
 */
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { freezeIntent } from '#wire/freeze.ts'
import { ingressIntent } from '#wire/ingress.ts'
import { releaseIntent } from '#wire/release.ts'
import type { Report } from '#wire/report.ts'
import { keyIdOf } from '#wire/signature.ts'
import { objectsOf } from '#wire/tree.ts'
import { decide } from '../decide.ts'
import type { Input, Intent } from '../input.ts'
import type { TurnRecord } from '../record.ts'
import { alarmAt } from '../release/alarm.ts'
import { emptyFleet, type Fleet, foldReport } from '../reports/fleet.ts'
import { emptyState, type State } from '../state.ts'
import { valuesOf } from '../table.ts'

export interface Life {
  readonly records: readonly TurnRecord[]
  readonly state: State
}

const hash = (name: string) => digestOf(name)
const agents = ['eu-1-a', 'us-1-a', 'us-1-b']
const noon = Date.UTC(2026, 10, 25, 12)

export function liveEverything(): Life {
  const records: TurnRecord[] = []
  let state: State = emptyState
  let time = noon
  let fleet: Fleet = emptyFleet(time)
  let sequence = 0
  /** Ready copies by release; 4 unless said otherwise. */
  const ready: Record<string, number> = {}

  function turn(input: Input): void {
    const decision = decide(state, fleet, input, time)
    if (decision.kind === 'rejected') throw new Error(JSON.stringify(decision.rejection))
    if (decision.kind !== 'record') return
    state = decision.state
    records.push(decision.record)
  }
  function ask(
    intent: Intent,
    actor = 'alice',
    more: { key?: string; reason?: string } = {},
  ): void {
    time += 1_000
    const idempotencyKey = more.key ?? null
    const origin = { address: '192.0.2.7', client: 'switchyard/0.2' }
    turn({
      kind: 'intent',
      intent,
      actor,
      idempotencyKey,
      ifMatch: null,
      scopes: ['admin', 'override'],
      ...(actor !== 'operator' && { origin }),
      ...(more.reason !== undefined && { reason: more.reason }),
    })
  }
  /** These agents serve all there is, again and again, until nothing more follows from it. */
  function settle(reporting: readonly string[] = agents, more: Partial<Report> = {}): void {
    for (let round = 0; round < 5; round++) {
      for (const agent of reporting) {
        time += 10
        const report = reportOf(agent, more)
        fleet = foldReport(fleet, report, time, time)
        turn({ kind: 'report', report, receivedMs: time })
      }
    }
  }
  function pass(ms: number): void {
    for (const end = time + ms; time < end; ) {
      const due = alarmAt(state, fleet, time)
      time = due === null || due > end ? end : due
      turn({ kind: 'alarm' })
    }
  }
  function reportOf(agent: string, more: Partial<Report>): Report {
    const cluster = agent.slice(0, -2)
    const held = state.clusters.get(cluster)!
    const apps = [...valuesOf(state.apps)]
    const positions = apps.flatMap(({ app, positions: { [cluster]: own } }) =>
      own
        ? [
            [
              app,
              {
                prepared: own.next?.generation ?? 0,
                active: own.generation,
                appliedMs: 2,
                activeForMs: 5,
              },
            ],
          ]
        : [],
    )
    const readyOf = (id: string) => ready[id] ?? 4
    const releases = [...valuesOf(state.releases)].map(({ id }) => [id, readyOf(id)])
    const rolling = [...objectsOf(held.tree)].flatMap((object) =>
      object.kind === 'workload' && object.rolling
        ? [
            {
              release: object.release,
              updated: readyOf(object.release),
              ready: readyOf(object.release),
              old: object.rolling.replaces.reduce((sum, id) => sum + readyOf(id), 0),
              stalled: null,
            },
          ]
        : [],
    )
    return {
      cluster,
      agent,
      instance: '0123456789abcdef',
      startedAtMs: noon,
      sequence: ++sequence,
      epoch: state.epoch!,
      revision: held.revision,
      digest: held.tree.root,
      formats: [1, 2],
      stale: false,
      drift: null,
      workers: 2,
      positions: Object.fromEntries(positions),
      readyEndpoints: Object.fromEntries(releases),
      inUse: {},
      refusals: [],
      pinnedKeys: [],
      ...(rolling.length > 0 && { rolling }),
      ...more,
    }
  }
  const release = (app: string, version: string, more: object = {}) =>
    ask({ type: 'create-release', body: releaseIntent.parse({ app, version, ...more }) })
  const app = (name: string, more: object = {}) =>
    ask({
      type: 'put-app',
      app: name,
      body: appIntent.parse({
        clusters: ['eu-1', 'us-1'],
        hosts: [`${name}.example`],
        platform: { type: 'local', program: 'shop' },
        copies: 4,
        ...more,
      }),
    })
  type Motion = 'promote' | 'abort' | 'rollback' | 'decommission' | 'pause' | 'resume' | 'approve'
  const motion = (type: Motion, id: string, more: object = {}, actor = 'alice') =>
    ask({ type: `${type}-release`, release: id, ...more } as Intent, actor)

  /** Seconds in which one agent is silent; its cluster has another. */
  function withoutB(seconds: number): void {
    for (let n = 0; n < seconds; n++) {
      settle(['eu-1-a', 'us-1-a'])
      pass(1_000)
    }
  }

  // The installation.
  const cluster = (name: string, token: string) => ({ name, enrolmentTokenHash: hash(token) })
  const init = (epochId: string, clusters: ReturnType<typeof cluster>[], admin: string | null) =>
    ask({ type: 'init', epochId, clusters, adminTokenHash: admin && hash(admin) }, 'operator')
  init('00000000000000aa', [cluster('eu-1', 'one'), cluster('us-1', 'two')], 'admin')
  init('00000000000000aa', [cluster('eu-1', 'three')], null)
  ask(
    {
      type: 'create-token',
      name: 'ci',
      scope: 'release',
      tokenHash: hash('ci'),
      scopes: ['release', 'approve'],
      apps: ['shop'],
      clusters: ['eu-1'],
      expiresInMs: 86_400_000,
    },
    'admin',
    {
      key: 'k-1',
    },
  )
  ask({ type: 'revoke-token', name: 'ci' }, 'admin')
  ask({
    type: 'set-webhook',
    name: 'chat',
    origin: 'https://chat.example',
    urlHash: hash('url'),
    events: ['release-*', 'switch-*'],
    apps: ['shop'],
    format: 'slack',
  })
  ask({ type: 'remove-webhook', name: 'chat' })
  for (const agent of agents) {
    const publicKey = agent.padEnd(43, 'k')
    const tokenHash = hash(agent)
    ask(
      { type: 'enrol-agent', cluster: agent.slice(0, -2), agent, publicKey, tokenHash },
      'enrolment',
    )
  }

  // Keys, before the first app.
  const known = { publicKeys: ['a'.repeat(43), 'b'.repeat(43)], signing: keyIdOf('a'.repeat(43)) }
  ask({ type: 'add-key', newKey: 'c'.repeat(43), known })

  // Blue-green, there and back; the old one is drained and goes.
  app('shop', { drainDeadlineMs: 60_000, labels: { team: 'web' } })
  release('shop', '1')
  settle()
  app('shop', { drainDeadlineMs: 60_000, userKey: { cookie: 'user' } })
  release('shop', '2', { preview: { path: '/test', links: true } })
  settle()
  const link = '0123456789abcdef'
  ask({ type: 'issue-preview-link', release: 'shop-r2', link, expiresInMs: 3_600_000 })
  motion('promote', 'shop-r2')
  settle(agents, { inUse: { 'shop-r1': 1 } })
  motion('rollback', 'shop-r2')
  settle()
  motion('promote', 'shop-r2')
  settle(agents, { inUse: { 'shop-r1': 1 } })
  pass(61_000)
  settle()
  motion('decommission', 'shop-r1')
  settle()

  // A switch that an agent misses, and one that is given up.
  release('shop', '3', { whenSilent: 'proceed', deadlineMs: 1_000 })
  settle()
  withoutB(8)
  motion('promote', 'shop-r3')
  withoutB(4)
  settle()
  release('shop', '4', { deadlineMs: 1_000 })
  settle()
  motion('promote', 'shop-r4')
  withoutB(8)
  settle()
  settle()

  // Canary under approvals and a freeze.
  app('bank', { approvals: 1 })
  release('bank', '1')
  motion('approve', 'bank-r1', {}, 'bob')
  settle()
  const freeze = { from: '2026-11-25T00:00:00Z', until: '2026-12-24T00:00:00Z', reason: 'fair' }
  ask({ type: 'set-freeze', name: 'fair', body: freezeIntent.parse(freeze) })
  const steps = [
    { weight: 10, pause: { until: 'promote' } },
    { weight: 50, pause: { forMs: 60_000 } },
  ]
  const target = { cookie: { name: 'canary', value: 'yes' } }
  release('bank', '2', { strategy: 'canary', steps, target, waves: [{ clusters: ['eu-1'] }] })
  settle()
  motion('pause', 'bank-r2', { reason: 'lunch' })
  motion('resume', 'bank-r2')
  motion('promote', 'bank-r2', { override: { reason: 'a fix' } })
  settle()
  ask({ type: 'lift-freeze', name: 'fair' })
  motion('approve', 'bank-r2', { reason: 'seen' }, 'bob')
  motion('promote', 'bank-r2', { full: true })
  settle()

  // Rolling, in one cluster after the other.
  ready['bank-r3'] = 0
  release('bank', '3', { strategy: 'rolling', waves: [{ clusters: ['eu-1'] }] })
  motion('approve', 'bank-r3', {}, 'bob')
  settle()
  Object.assign(ready, { 'bank-r2': 0, 'bank-r3': 4 })
  settle()
  settle()

  // Kubernetes: a Deployment as it is, then an image over it, and back.
  app('web', { platform: { type: 'kubernetes', namespace: 'web', port: 8080, template: 'base' } })
  release('web', '1', { deployment: 'web-blue' })
  settle()
  ready['web-r2'] = 0
  release('web', '2', { image: 'registry.example/web:2', strategy: 'rolling' })
  settle()
  Object.assign(ready, { 'web-r1': 0, 'web-r2': 4 })
  settle()
  settle()

  // An Ingress comes, changes and goes.
  const ingress = (path: string) =>
    ask(
      {
        type: 'put-ingress',
        cluster: 'eu-1',
        namespace: 'web',
        name: 'front',
        body: ingressIntent.parse({
          uid: '5c0f2f52-95f0-4c55-9f3c-6b1c0f2b8f11',
          hash: hash(path),
          class: 'switchyard',
          routes: [
            {
              host: '*',
              path: { type: 'PathPrefix', value: path },
              service: 'web/front:http',
              rewrite: { path: { type: 'ReplaceFullPath', value: '/' } },
              requestHeaders: { set: [{ name: 'x-by', value: 'ingress' }] },
              responseHeaders: { remove: ['server'] },
              timeouts: { idleMs: 5_000 },
              loadBalance: { type: 'client-address' },
            },
          ],
          warnings: ['haproxy.org/timeout-check is not done.'],
        }),
      },
      'agent:eu-1-a',
    )
  ingress('/front')
  ingress('/face')
  settle()
  ask({ type: 'delete-ingress', cluster: 'eu-1', namespace: 'web', name: 'front' }, 'agent:eu-1-a')
  settle()

  // Leaving, deleting, recovering.
  motion('decommission', 'shop-r2')
  settle()
  app('shop', { clusters: ['eu-1'] })
  settle()
  motion('decommission', 'bank-r1')
  settle()
  ask({ type: 'delete-app', app: 'bank' })
  settle()
  ask({ type: 'forget-agent', cluster: 'us-1', agent: 'us-1-b' })
  ask({ type: 'recover', epochId: '00000000000000bb', epochNumber: 2 }, 'operator')
  return { records, state }
}
