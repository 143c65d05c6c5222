/** Turns on a log in memory, with agents that report what they are told to. All of it stops with its test. */
import { afterEach } from 'vitest'
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { releaseIntent } from '#wire/release.ts'
import { quiet } from '#wire/report.fixture.ts'
import type { Report } from '#wire/report.ts'
import type { Publication } from './delivery/publisher-port.ts'
import type { Answer, Intent } from './domain/input.ts'
import type { TurnRecord } from './domain/record.ts'
import type { Log } from './log/log.ts'
import { openSqliteLog } from './node/sqlite-log.ts'
import { createTurns, type TurnOptions } from './turn.ts'

const hash = digestOf('token')
export const clusters = ['eu-1', 'us-1']
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

interface Bench {
  readonly log?: Log
  readonly publish?: () => Promise<void>
  readonly isNew?: boolean
}

export async function start({
  log = openSqliteLog(':memory:'),
  publish,
  isNew = true,
}: Bench = {}) {
  const published: [string, Publication][] = []
  const first = new Map<string, Publication>()
  const records: TurnRecord[] = []
  const taken: string[] = []
  const fatal: unknown[] = []
  const clock = { ms: 1_000, step: 0 }
  let alarm: number | null = null
  const options: TurnOptions = {
    log,
    publisher: {
      async start(publications) {
        for (const [cluster, publication] of publications) first.set(cluster, publication)
      },
      async publish(cluster, publication) {
        published.push([cluster, publication])
        await publish?.()
      },
    },
    now: () => {
      const { ms } = clock
      clock.ms += clock.step
      return ms
    },
    monotonicMs: () => performance.now(),
    setAlarm: (at) => {
      alarm = at
    },
    onRecord: (record) => records.push(record),
    onFatal: (error) => fatal.push(error),
    onTurn: ({ kind }) => taken.push(kind),
  }
  const turns = createTurns(options)
  stops.push(turns.stop)
  await turns.start()
  const ask = (intent: Intent, idempotencyKey: string | null = null) =>
    turns.submit({ kind: 'intent', intent, actor: 'tests', idempotencyKey, ifMatch: null })
  if (isNew) {
    const tokens = clusters.map((name) => ({ name, enrolmentTokenHash: hash }))
    await ask({ type: 'init', epochId: '0'.repeat(16), clusters: tokens, adminTokenHash: null })
    for (const cluster of clusters) await ask(enrol(cluster))
  }
  let sequence = 0
  const reportOf = (cluster: string, more: Partial<Report> = {}): Report => {
    const held = turns.state().clusters.get(cluster)!
    return {
      ...quiet,
      cluster,
      agent: `${cluster}-a`,
      sequence: ++sequence,
      epoch: turns.state().epoch!,
      revision: held.revision,
      digest: held.tree.root,
      ...more,
    }
  }
  const report = (cluster: string, more: Partial<Report> = {}) =>
    turns.submit({
      kind: 'report',
      report: reportOf(cluster, more),
      receivedMs: performance.now(),
    })
  return {
    turns,
    ask,
    report,
    published,
    first,
    records,
    taken,
    fatal,
    log,
    clock,
    alarm: () => alarm,
  }
}

export const enrol = (cluster: string): Intent => ({
  type: 'enrol-agent',
  cluster,
  agent: `${cluster}-a`,
  publicKey: 'k'.repeat(43),
  tokenHash: hash,
})
export const putApp = (changes = {}): Intent => ({
  type: 'put-app',
  app: 'shop',
  body: appIntent.parse({
    clusters,
    hosts: ['shop.example'],
    platform: { type: 'static' },
    ...changes,
  }),
})
export const createRelease: Intent = {
  type: 'create-release',
  body: releaseIntent.parse({ app: 'shop', version: '1' }),
}
export const codeOf = (answer: Answer) => (answer.ok ? answer.status : answer.rejection.code)
