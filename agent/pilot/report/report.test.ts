import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Report, report as reportSchema, type TroubleReport } from '#wire/report.ts'
import { open, sealed } from '#wire/signature.ts'
import type { Progress } from '../convergence.ts'
import { announce, createSigner, headerOf, type Signer, shop, until } from '../fleet.fixture.ts'
import type { Held } from '../snapshots/snapshots.ts'
import { buildReport, createReporter, type Life, type Reporter } from './report.ts'

const life: Life = {
  cluster: 'eu-1',
  agent: 'eu-1-a',
  instance: '0123456789abcdef',
  startedAtMs: 1,
  pinnedKeys: () => ['0123456789abcdef'],
}
const tree = shop(1, 'shop-r1')
const usage = { inUse: { 'shop-r1': 2 }, requests: {}, errors: {}, failures: {}, connections: 0 }

let agentKey: Signer
let held: Held
let progress: Progress

beforeEach(async () => {
  agentKey = await createSigner()
  const header = headerOf(tree, { revision: 7 })
  held = { header, sealed: (await announce(agentKey, header)).header, tree, receivedMs: 0 }
  const serving = {
    type: 'serving' as const,
    pid: 9,
    tableDigest: 't',
    positions: { shop: 1 },
    endpoints: {},
    endpointsNumber: 1,
  }
  progress = {
    held,
    standings: new Map([
      ['shop', { prepared: 0, active: 1, proof: { generation: 1, appliedMs: 3, atMs: 100 } }],
    ]),
    applied: new Map(),
    endpoints: {},
    arrived: { 'shop-r1': [{ address: '127.0.0.1', port: 1 }] },
    served: {},
    workers: [{ pid: 9, serving, differs: null, drifting: false }],
    equal: true,
    drift: null,
    ready: true,
  }
})

const replacements = [{ release: 'shop-r2', updated: 2, ready: 1, old: 3, stalled: null }]
const troubles = [{ release: 'shop-r2', message: 'shop-r2/0 ended by exit code 1' }]
const inFormat2 = (): Held => ({ ...held, header: { ...held.header, format: 2 } })
const build = (
  changes: Partial<Progress> = {},
  former: Report | null = null,
  told: readonly TroubleReport[] = troubles,
) =>
  buildReport(
    life,
    {
      progress: { ...progress, ...changes },
      usage,
      refusals: [],
      stale: false,
      replacements,
      troubles: told,
      nowMs: 105,
    },
    former,
  )

describe('a report', () => {
  it('holds the whole state of the agent, in the agreed form', () => {
    const report = reportSchema.parse(build())
    expect(report).toMatchObject({
      agent: 'eu-1-a',
      sequence: 1,
      revision: 7,
      digest: tree.root,
      workers: 1,
      positions: { shop: { prepared: 0, active: 1, appliedMs: 3, activeForMs: 5 } },
      readyEndpoints: { 'shop-r1': 1 },
      inUse: { 'shop-r1': 2 },
      drift: null,
      stale: false,
    })
    expect(build({}, report)?.sequence).toBe(2)
  })

  it('says what the platform says only to a control that has published in format 2', () => {
    expect(build()).not.toHaveProperty('rolling')
    expect(build()).not.toHaveProperty('troubles')
    const report = reportSchema.parse(build({ held: inFormat2() }))
    expect(report).toMatchObject({ rolling: replacements, troubles })
  })

  it('has as many troubles as a report may have, and no field without any', () => {
    const many = Array.from({ length: 65 }, (_, n) => ({
      ...troubles[0]!,
      release: `shop-r${n + 1}`,
    }))
    const report = reportSchema.parse(build({ held: inFormat2() }, null, many))
    expect(report.troubles).toHaveLength(64)
    expect(reportSchema.safeParse({ ...report, troubles: many }).success).toBe(false)
    expect(build({ held: inFormat2() }, null, [])).not.toHaveProperty('troubles')
  })

  it('does not exist before there is a snapshot', () => {
    expect(build({ held: null })).toBe(null)
  })

  it("has the header's digest only when every worker serves what it means", () => {
    const former = { ...build()!, digest: 'a'.repeat(64) }
    const onTheWay = build({ equal: false }, former)
    expect(onTheWay?.digest).toBe(former.digest)
    const drifting = build({ equal: false, drift: 'worker 9: table x' }, former)
    expect(reportSchema.parse(drifting).digest).not.toBe(former.digest)
    expect(drifting?.digest).not.toBe(tree.root)
    expect(build({ equal: false })?.digest).not.toBe(tree.root)
  })
})

describe('reporting', () => {
  let reporter: Reporter
  let sent: Uint8Array[]
  let answer: () => Promise<void>
  let built: number
  const said: string[] = []

  beforeEach(() => {
    sent = []
    built = 0
    said.length = 0
    answer = async () => {}
    reporter = createReporter({
      waking: null,
      session: {
        report(bytes, signal) {
          sent.push(bytes)
          const gone = new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => resolve())
          })
          return Promise.race([answer(), gone])
        },
      },
      key: agentKey.key,
      build(former) {
        built++
        return build({}, former)
      },
      log: (line) => said.push(line),
    })
  })
  afterEach(() => reporter.stop())

  it("is signed with the agent's own key", async () => {
    reporter.now()
    await until('a report', () => sent.length === 1)
    const message = sealed.parse(JSON.parse(Buffer.from(sent[0]!).toString()))
    const opened = await open(message, agentKey.pinned)
    expect('payload' in opened && JSON.parse(Buffer.from(opened.payload).toString())).toEqual(
      reporter.newest(),
    )
  })

  it('puts changes of a moment into one report', async () => {
    for (let n = 0; n < 100; n++) reporter.soon()
    await until('a report', () => sent.length === 1)
    reporter.soon()
    await until('another', () => sent.length === 2)
    expect(built).toBe(2)
  })

  it('does not wait for a former report when a switch waits', async () => {
    answer = () => new Promise(() => {})
    reporter.now()
    reporter.now()
    await until('both', () => sent.length === 2)
  })

  it('has at most four on their way, and then the newest state', async () => {
    const answers: (() => void)[] = []
    answer = () => new Promise((resolve) => answers.push(resolve))
    for (let n = 0; n < 10; n++) reporter.now()
    await until('four', () => sent.length === 4)
    expect(built).toBe(4)
    for (const done of answers.splice(0)) done()
    await until('the fifth', () => sent.length === 5)
    for (const done of answers.splice(0)) done()
  })

  it('sends the state again when a report did not arrive, and says so once', async () => {
    let failures = 0
    answer = async () => {
      if (++failures <= 3) throw new Error('away')
    }
    reporter.now()
    await until('the fourth attempt', () => sent.length === 4)
    expect(reporter.newest()?.sequence).toBe(4)
    expect(said).toHaveLength(1)
  })

  it('comes regularly without any change', async () => {
    await until('two of them', () => sent.length === 2, 6_000)
  })
})
