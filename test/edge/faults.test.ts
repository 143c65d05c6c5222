/**
 * Workerd is killed with -9 at each step of a switch, or the object leaves memory at each; NATS is away, slow
 * and empty; requests race; an alarm comes twice. The switch ends on exactly one side, what was answered
 * counts once, and nobody waits for ever.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { shop as shopApp } from './control-under-test.ts'
import { type OverNats, startOverNats } from './over-nats.ts'
import { openSwitching, type Switching } from './switching.ts'

const deadlineMs = 600_000
const none = { SWITCHYARD_CRASH_AT: '', SWITCHYARD_CRASH_HOW: '' }

let edge: OverNats
let shop: Switching
afterEach(() => edge?.stop())

const headerStored = (revision: number) =>
  until(
    `revision ${revision} is stored`,
    () => edge.storedRevision('eu-1'),
    (stored) => stored === revision,
    90_000,
    200,
  )
const clusterRevision = async () =>
  Number((await edge.control.call('GET', '/v1/clusters/eu-1/snapshot')).body.revision)
/** Events of one type, in the whole log. */
async function happened(type: string): Promise<number> {
  const { body } = await edge.control.call('GET', '/v1/audit?limit=200')
  const entries = body.entries as unknown as { events: { type: string }[] }[]
  return entries.flatMap(({ events }) => events).filter((event) => event.type === type).length
}

describe('a switch over NATS', { timeout: 240_000 }, () => {
  beforeEach(async () => {
    edge = await startOverNats(['eu-1'])
    shop = await openSwitching(edge.control, deadlineMs)
  })

  /** From now on the object stops at the step; `work` brings it there, and workerd is killed. */
  async function killedAt(step: string, work: () => Promise<unknown>): Promise<void> {
    const { worker } = edge.control
    await worker.restart(0, { ...none, SWITCHYARD_CRASH_AT: step })
    const working = work().catch(() => null)
    await until(
      `it comes to ${step}`,
      () => worker.workerd().output(),
      (output) => output.includes(`stopped at ${step}`),
      30_000,
    )
    await worker.restart(0, none)
    await working
  }

  it('killed before and after an append, before and after its header', async () => {
    const steps = ['append', 'appended', 'publish', 'published', 'stored'] as const
    for (const [n, step] of steps.entries()) {
      const [what, to, from] =
        n % 2 === 0
          ? (['promote', 'shop-r2', 'shop-r1'] as const)
          : (['rollback', 'shop-r1', 'shop-r2'] as const)
      const key = crypto.randomUUID()
      const before = edge.control.head()
      await killedAt(step, () => shop.motion(what, 'shop-r2', key))
      const again = await shop.motion(what, 'shop-r2', key)
      expect(again.status, `${what} after ${step}: ${again.text}`).toBeLessThan(300)
      expect(edge.control.head(), 'it counts once').toBe(before + 1)
      await headerStored(await clusterRevision())
      await shop.untilLive(to)
      expect((await shop.shown(from)).phase).not.toBe('live')
      expect((await shop.position()).next ?? null).toBeNull()
    }
  })

  it('killed after an append: nobody calls again, the alarm publishes it', async () => {
    await killedAt('appended', () => shop.motion('promote', 'shop-r2'))
    await until('the object is back by itself', edge.lives, (lives) => lives > 0, 90_000, 200)
    await headerStored(await clusterRevision())
    expect((await shop.position()).next, 'it is being prepared').toBeTruthy()
  })

  it('killed between prepare and commit, on both sides of the decision', async () => {
    for (const step of ['append', 'appended', 'publish', 'published']) {
      const target = (await shop.shown('shop-r2')).phase === 'live' ? 'rollback' : 'promote'
      if (target === 'rollback') {
        await shop.motion('rollback', 'shop-r2')
        await shop.untilLive('shop-r1')
      }
      await shop.motion('promote', 'shop-r2')
      await killedAt(step, () => shop.follow(shop.agents, false))
      const { next } = await shop.position()
      if (step === 'append') expect(next, 'it was not decided').toBeTruthy()
      else expect(next ?? null, 'it was decided').toBeNull()
      await headerStored(await clusterRevision())
      await shop.untilLive('shop-r2')
    }
    expect(await happened('switch-aborted')).toBe(0)
  })

  it('killed between commit and the last acknowledgement', async () => {
    await shop.motion('promote', 'shop-r2')
    await shop.follow(shop.agents, false)
    const committed = await shop.position()
    await shop.follow(shop.agents.slice(0, 1))
    for (const step of ['append', 'appended']) {
      await killedAt(step, () => shop.follow())
      expect(await shop.position(), 'only forward').toEqual(committed)
    }
    await shop.untilLive('shop-r2')
    expect(await happened('switch-completed')).toBe(2)
  })

  it.each(['appended', 'published'])('evicted whenever it has %s something', async (step) => {
    const { worker } = edge.control
    await worker.restart(0, { SWITCHYARD_CRASH_AT: step, SWITCHYARD_CRASH_HOW: 'evict' })
    const key = crypto.randomUUID()
    const insist = async (work: () => Promise<unknown>) => {
      for (let n = 0; n < 20; n++) {
        const done = await work().then(
          (answer) => (answer as { status?: number } | undefined)?.status ?? 200,
          () => 500,
        )
        if (done < 500) return
      }
      throw new Error(`never answered: ${worker.workerd().output()}`)
    }
    await insist(() => shop.motion('promote', 'shop-r2', key))
    await until(
      'live',
      async () => {
        await shop.follow().catch(() => null)
        return (await shop.shown('shop-r2')).phase
      },
      (phase) => phase === 'live',
      60_000,
    )
    const output = worker.workerd().output()
    expect(output.split(`stopped at ${step}`).length, 'at every step').toBeGreaterThanOrEqual(3)
    await worker.restart(0, none)
    expect((await shop.shown('shop-r1')).phase).not.toBe('live')
    expect(await happened('switch-proposed')).toBe(2)
    expect(await happened('switch-aborted')).toBe(0)
  })
})

it('an alarm that is delivered twice counts once', { timeout: 120_000 }, async () => {
  edge = await startOverNats(['eu-1'])
  shop = await openSwitching(edge.control, 2_000)
  const { worker } = edge.control
  const alarmed = () =>
    until(
      'the alarm was worked on',
      () => worker.workerd().output(),
      (output) => output.includes('stopped at alarmed'),
      60_000,
    )
  const stopping = { SWITCHYARD_CRASH_AT: 'alarmed' }
  await worker.restart(0, stopping)
  await shop.motion('promote', 'shop-r2')
  // The first ones are of what was open before.
  for (let n = 0; n < 20 && (await happened('switch-aborted')) === 0; n++) {
    await alarmed()
    if ((await happened('switch-aborted')) === 0) await worker.restart(0, stopping)
  }
  await alarmed()
  expect(await happened('switch-aborted'), 'the deadline has ended the switch').toBe(1)
  const revision = await clusterRevision()
  await worker.restart(0, stopping)
  await alarmed()
  await worker.restart(0, none)
  expect(await happened('switch-aborted')).toBe(1)
  expect(await clusterRevision()).toBe(revision)
  await headerStored(revision)
})

describe('NATS', { timeout: 240_000 }, () => {
  beforeEach(async () => {
    edge = await startOverNats(['eu-1'])
    shop = await openSwitching(edge.control, deadlineMs)
  })
  const put = (host: string) =>
    edge.control.call('PUT', '/v1/apps/cart', {
      body: { ...shopApp, hosts: [host], clusters: ['eu-1'] },
    })

  it('away: calls are answered, and the alarm publishes when it is back', async () => {
    await edge.stopNats()
    expect((await put('away.example')).status).toBeLessThan(300)
    expect((await edge.control.call('GET', '/readyz')).body).toMatchObject({ transport: 'away' })
    const revision = await clusterRevision()
    await edge.startNats()
    await headerStored(revision)
  })

  it('restarted empty: an agent that cannot store its report has it written again', async () => {
    const revision = await clusterRevision()
    await until('let go', edge.proxy.open, (open) => open === 0, 30_000)
    await edge.stopNats(true)
    await edge.startNats()
    await shop.agents[0]!.report()
    await headerStored(revision)
  })

  it('slow: calls are answered, and what they asked arrives', async () => {
    edge.proxy.slowBy(400)
    for (let n = 0; n < 3; n++) expect((await put(`slow-${n}.example`)).status).toBeLessThan(300)
    await headerStored(await clusterRevision())
  })

  it('too slow to be used: calls are answered in a bounded time', async () => {
    await until('let go', edge.proxy.open, (open) => open === 0, 30_000)
    edge.proxy.slowBy(20_000)
    const startedMs = performance.now()
    expect((await put('stuck.example')).status).toBeLessThan(300)
    expect(performance.now() - startedMs).toBeLessThan(15_000)
    const revision = await clusterRevision()
    edge.proxy.slowBy(0)
    await headerStored(revision)
  })

  it('and racing requests: each takes a position of its own', async () => {
    const before = edge.control.head()
    const key = crypto.randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        edge.control.call('PUT', `/v1/apps/race-${n % 12}`, {
          headers: { 'idempotency-key': `${key}-${n % 12}` },
          body: { ...shopApp, hosts: [`race-${n % 12}.example`], clusters: ['eu-1'] },
        }),
      ),
    )
    for (const { status, text } of answers) expect(status, text).toBeLessThan(300)
    const revisions = answers.map(({ headers }) => Number(headers.get('switchyard-revision')))
    const inOrder = [...new Set(revisions)].sort((a, b) => a - b)
    expect(inOrder).toEqual(Array.from({ length: 12 }, (_, n) => before + 1 + n))
    expect(edge.control.head()).toBe(before + 12)

    const etag = String((await shop.shown('shop-r2')).etag)
    const promotes = await Promise.all(
      Array.from({ length: 6 }, () =>
        edge.control.call('POST', '/v1/releases/shop-r2/promote', {
          headers: { 'if-match': `"${etag}"` },
        }),
      ),
    )
    const taken = promotes.filter(({ status }) => status < 300)
    expect(taken.length, promotes.map(({ status }) => status).join()).toBe(1)
  })
})
