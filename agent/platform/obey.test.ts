import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../pilot/fleet.fixture.ts'
import { type Obedience, obey } from './obey.ts'
import type { DesiredWorkloads, Workloads } from './platform.ts'

const desired = (revision: number, copies: number): DesiredWorkloads => ({
  epoch: 1,
  revision,
  workloads: [{ app: 'shop', release: 'shop-r1', version: '0.0.1', program: 'shop', copies }],
})

interface Fake extends Workloads {
  held: boolean
  outcome: Awaited<ReturnType<Workloads['apply']>> | Error
  readonly writes: number[]
  acquired: number
}

function fake(): Fake {
  const one: Fake = {
    held: true,
    outcome: 'applied',
    writes: [],
    acquired: 0,
    async acquire() {
      one.acquired++
      return one.held
    },
    async apply(_holder, { revision }) {
      if (one.outcome instanceof Error) throw one.outcome
      one.writes.push(revision)
      return one.outcome
    },
  }
  return one
}

let running: Obedience
const said: string[] = []
const start = (workloads: Workloads) => {
  said.length = 0
  running = obey(workloads, 'eu-1-a', (code, text) => said.push(`${code}: ${text}`), 20)
  return running
}
afterEach(() => running.stop())

describe("the lease's holder", () => {
  it('writes what the snapshot says at once, and again only when it says something else', async () => {
    const platform = fake()
    start(platform)
    await until('the lease', () => running.held())
    running.want(desired(1, 1))
    await until('a write', () => platform.writes.length === 1, 1_000)
    running.want(desired(2, 1))
    running.want(desired(3, 2))
    await until('the other write', () => platform.writes.includes(3))
    const { acquired } = platform
    await until('three renewals', () => platform.acquired > acquired + 3)
    expect(platform.writes).toEqual([1, 3])
  })

  it('writes nothing before it has seen a snapshot, or while another holds the lease', async () => {
    const platform = fake()
    start(platform)
    await until('renewals', () => platform.acquired > 3)
    platform.held = false
    running.want(desired(1, 1))
    await until('more', () => platform.acquired > 6)
    expect(platform.writes).toEqual([])
    platform.held = true
    await until('the write', () => platform.writes.length === 1)
  })

  it('writes again when it got the lease anew: the other may have written', async () => {
    const platform = fake()
    start(platform).want(desired(1, 1))
    await until('a write', () => platform.writes.length === 1)
    platform.held = false
    await until('the loss', () => !running.held())
    platform.held = true
    await until('another write', () => platform.writes.length === 2)
  })

  it('renews the lease while a slow platform writes', async () => {
    const platform = fake()
    const slow = Promise.withResolvers<'applied'>()
    start({ ...platform, acquire: platform.acquire, apply: () => slow.promise }).want(desired(1, 1))
    await until('renewals', () => platform.acquired > 5)
    slow.resolve('applied')
  })

  it('writes again when it lost the lease while it wrote, however soon it got it back', async () => {
    const platform = fake()
    let calls = 0
    const slow = async () => {
      if (calls++ > 0) return 'applied' as const
      platform.held = false
      await until('the loss', () => !running.held())
      platform.held = true
      return 'applied' as const
    }
    const acquire = platform.acquire
    start({ ...platform, acquire, apply: slow }).want(desired(1, 1))
    await until('another write', () => calls === 2)
  })

  it('tries again after a failure, and says each reason once', async () => {
    const platform = fake()
    platform.outcome = new Error('the platform is away')
    start(platform).want(desired(1, 1))
    await until('attempts', () => platform.acquired > 4)
    expect(said).toEqual(['workloads-refused: the platform is away'])
    platform.outcome = 'applied'
    await until('the write', () => platform.writes.length === 1)
  })

  it('is hindered from the second failure in a row, in the same words until it can again', async () => {
    const platform = fake()
    const { apply } = platform
    const seen: (string | null)[] = []
    platform.apply = (...asked) => {
      seen.push(holder.hindrance())
      return apply(...asked)
    }
    const holder = start(platform)
    platform.outcome = new Error('the platform is away')
    holder.want(desired(1, 1))
    await until('three attempts', () => seen.length > 2)
    platform.outcome = new Error('it did not answer')
    await until('another reason', () => said.length === 2)
    platform.outcome = 'applied'
    await until('the write', () => platform.writes.length === 1)
    await until('no hindrance', () => holder.hindrance() === null)
    expect(seen.slice(0, 2)).toEqual([null, null])
    expect(new Set(seen.slice(2))).toEqual(new Set(['the platform is away']))
  })

  it('says once that its snapshot is older than what was applied', async () => {
    const platform = fake()
    platform.outcome = 'older'
    start(platform).want(desired(1, 1))
    await until('attempts', () => platform.writes.length > 3)
    expect(said).toHaveLength(1)
  })

  it('holds on when its workloads are too much, says so once, and asks again', async () => {
    const platform = fake()
    platform.outcome = 'refused'
    const holder = start(platform)
    holder.want(desired(1, 999))
    await until('attempts', () => platform.writes.length > 3)
    expect(holder.held()).toBe(true)
    expect(said).toEqual([
      'workloads-refused: the platform refuses the workloads of revision 1: they are too much',
    ])
  })
})
