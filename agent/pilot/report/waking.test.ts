import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '#wire/report.ts'
import { until } from '../fleet.fixture.ts'
import { createWaking, type Waking } from './waking.ts'

const well: Report = {
  cluster: 'eu-1',
  agent: 'eu-1-a',
  instance: '0'.repeat(16),
  startedAtMs: 1,
  sequence: 1,
  epoch: { number: 1, id: 'a'.repeat(16) },
  revision: 1,
  digest: '0'.repeat(64),
  formats: [1, 2],
  stale: false,
  drift: null,
  workers: 1,
  positions: { shop: { prepared: 0, active: 1, appliedMs: null, activeForMs: null } },
  readyEndpoints: {},
  inUse: {},
  refusals: [],
  pinnedKeys: [],
}
const answering = (prepared: number): Partial<Report> => ({
  positions: { shop: { prepared, active: 1, appliedMs: null, activeForMs: null } },
})

describe('waking a control plane that sleeps', () => {
  let posted: number[]
  let said: string[]
  let answer: () => Promise<void>
  let waking: Waking
  let sequence: number

  beforeEach(async () => {
    posted = []
    said = []
    answer = async () => {}
    sequence = 0
    waking = createWaking({
      async post(bytes) {
        posted.push(bytes[0]!)
        await answer()
      },
      log: (_, text) => said.push(text),
    })
    take()
    await until('the first report of a life', () => posted.length === 1)
  })
  afterEach(() => waking.stop())
  const take = (said: Partial<Report> = {}) =>
    waking.take({ ...well, ...said, sequence: ++sequence }, Uint8Array.of(sequence))

  it('posts an answer to a switch at once, and each only once', async () => {
    for (let n = 0; n < 5; n++) take(answering(7))
    await until('the answer', () => posted.length === 2)
    take(answering(8))
    await until('the next answer', () => posted.length === 3)
    take({
      ...answering(8),
      revision: 9,
      inUse: { 'shop-r1': 3 },
      readyEndpoints: { 'shop-r1': 2 },
    })
    take(answering(9))
    await until('the last answer', () => posted.length === 4)
    expect(posted.at(-1), 'what is no answer was not posted').toBe(sequence)
  })

  it('has one under way, and then the newest', async () => {
    const done = Promise.withResolvers<void>()
    answer = () => done.promise
    for (let generation = 2; generation < 10; generation++) take(answering(generation))
    await until('one is under way', () => posted.length === 2)
    for (let generation = 10; generation < 20; generation++) take(answering(generation))
    done.resolve()
    await until('the newest', () => posted.length === 3)
    expect(posted.at(-1)).toBe(sequence)
  })

  it('posts drift, its end and a refusal within a moment', async () => {
    take({ drift: 'a worker serves another table' })
    await until('drift', () => posted.length === 2)
    take()
    await until('its end', () => posted.length === 3)
    take({ refusals: [{ code: 'older', revision: 1, reason: 'older', count: 1 }] })
    await until('the refusal', () => posted.length === 4)
    take({ refusals: [{ code: 'older', revision: 1, reason: 'older', count: 2 }] })
    take(answering(2))
    await until('an answer', () => posted.length === 5)
    expect(posted.at(-1), 'the same refusal once more is no news').toBe(sequence)
  })

  it('posts what could not be stored', async () => {
    waking.stored(false)
    await until('it', () => posted.length === 2)
    waking.stored(true)
  })

  it('tries again at growing pauses while control does not answer, and says so once', async () => {
    let failures = 0
    answer = async () => {
      if (++failures <= 2) throw new Error('away')
    }
    const sinceMs = performance.now()
    take(answering(7))
    await until('the third attempt', () => posted.length === 4)
    expect(performance.now() - sinceMs).toBeGreaterThan(1_000)
    expect(said).toEqual(['control was not woken: away'])
  })
})
