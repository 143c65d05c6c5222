import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { objectsOf, treeOf } from '#wire/tree.ts'
import {
  active,
  agent,
  bothReady,
  dial,
  dialled,
  equal,
  folder,
  onDisk,
  proposal,
  shopStanding,
  startAgain,
} from './convergence.fixture.ts'
import { loadLastKnownGood } from './disk/last-known-good.ts'
import { backend, position, route, shop, until } from './fleet.fixture.ts'

describe('a switch', () => {
  it('is prepared, committed and active: on disk and in every worker, measured from the header', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    await agent.hold(shop(1, 'shop-r1', proposal), 2)
    await until('prepared', () => shopStanding()?.prepared === 2)
    expect(shopStanding()?.active).toBe(1)

    await agent.hold(shop(2, 'shop-r2'), 3)
    await active(2)
    expect(onDisk()).toMatchObject([{ generation: 2, weights: [{ release: 'shop-r2' }] }])
    expect(shopStanding()?.proof?.appliedMs).toBeLessThan(1_000)
    expect(agent.compiled).toHaveLength(1)
    expect(agent.urgent.at(-1)?.standings.get('shop')?.active).toBe(2)
  })

  it('is not active while one worker has not swapped', async () => {
    await dial()
    const slow = await dial({ pid: process.ppid })
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    slow.state.deaf = true
    await agent.hold(shop(2, 'shop-r2'), 2)
    await until('the other worker', () => dialled[0]!.state.positions.shop === 2)
    expect(shopStanding()?.active).toBe(1)
    slow.state.deaf = false
    await active(2)
  })

  it('is not active while its position cannot be written to disk', async () => {
    await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    mkdirSync(join(folder, 'positions.json.tmp'))
    await agent.hold(shop(2, 'shop-r2'), 2)
    await until('the swap', () => agent.workers.views()[0]?.serving?.positions.shop === 2)
    expect(shopStanding()?.active).toBe(0)
    expect(agent.convergence.progress()).toMatchObject({ equal: false })
    expect(agent.convergence.progress().drift).toContain('cannot be written')
    rmdirSync(join(folder, 'positions.json.tmp'))
    agent.convergence.settle()
    await active(2)
    expect(agent.convergence.progress().drift).toBe(null)
  })

  it('is aborted by a position without next', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    await agent.hold(shop(1, 'shop-r1'), 2)
    expect(shopStanding()).toMatchObject({ prepared: 0, active: 1 })
  })

  it('is neither prepared nor active without a worker, and says so', async () => {
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    expect(shopStanding()).toMatchObject({ prepared: 0, active: 0 })
    expect(agent.convergence.progress()).toMatchObject({
      drift: 'no worker is connected',
      equal: false,
      ready: false,
    })
    await dial()
    await active(1)
    expect(agent.convergence.progress().drift).toBe(null)
  })

  it('claims nothing while a worker is missing that may be about to dial', async () => {
    await startAgain(2)
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await until('the worker', () => dialled[0]!.state.positions.shop === 1)
    expect(shopStanding()?.active).toBe(0)
    await dial({ pid: process.ppid })
    await active(1)
  })

  it('goes on without a worker that stays away', async () => {
    await startAgain(2)
    await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    const settling = setInterval(() => agent.convergence.settle(), 50)
    await active(1)
    clearInterval(settling)
  })
})

describe('content', () => {
  const three = (generation: number, release: string) =>
    treeOf([...objectsOf(shop(generation, release)), backend('shop-r3', '0.0.3')])

  it('is compiled before a position that needs it is applied', async () => {
    const worker = await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    await agent.hold(three(2, 'shop-r3'), 2)
    expect(shopStanding()?.active).toBe(1)
    await active(2)
    const order = worker.received.map(({ type }) => type).slice(-2)
    expect(order).toEqual(['table', 'positions'])
  })

  it('comes with its position when the former one cannot be served any more', async () => {
    const worker = await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    await until('ready', () => worker.received.some((it) => it.type === 'ready' && it.ready))
    const before = worker.received.length
    const without = treeOf([
      route('shop'),
      backend('shop-r3', '0.0.3'),
      position('shop', 5, 'shop-r3'),
    ])
    worker.state.deaf = true
    await agent.hold(without, 5)
    await until('both', () => worker.received.length >= before + 2)
    expect(worker.received.slice(before, before + 2).map(({ type }) => type)).toEqual([
      'table',
      'positions',
    ])
    expect(onDisk()).toMatchObject([{ generation: 1 }])
    worker.state.deaf = false
    await active(5)
  })

  it('that a worker refuses leaves table and positions as they were everywhere', async () => {
    const good = await dial()
    const bad = await dial({ pid: process.ppid })
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    const { tableDigest } = good.state
    bad.state.refuses = 'a node is out of range'
    await agent.hold(three(2, 'shop-r3'), 2)
    await until('the refusal', () => agent.refusals.list()[0]?.code === 'corrupt-table')
    await until('the way back', () => good.state.tableDigest === tableDigest)
    expect(shopStanding()?.active).toBe(1)
    expect(agent.convergence.progress().equal).toBe(false)
    expect(loadLastKnownGood(folder).table?.digest).toBe(tableDigest)
  })

  it('that does not compile is refused, and the rest goes on', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    agent.refuseBecause = 'route/shop/default: too many matches'
    await agent.hold(three(1, 'shop-r1'), 2)
    await until('the refusal', () => agent.refusals.list()[0]?.code === 'does-not-compile')
    expect(agent.convergence.progress().equal).toBe(false)
    await agent.hold(three(2, 'shop-r2'), 3)
    await active(2)
  })
})

describe('a pilot that starts again', () => {
  it('gives workers the table and positions that it had, before it knows anybody', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(2, 'shop-r2'), 1)
    await equal()
    const { tableDigest } = dialled[0]!.state
    await startAgain()
    const worker = await dial()
    await until('everything', () => worker.state.positions.shop === 2)
    expect(worker.state).toMatchObject({ tableDigest, endpoints: { 'shop-r1': 1, 'shop-r2': 1 } })
    expect(agent.convergence.progress()).toMatchObject({ held: null, ready: false })
    expect(agent.compiled).toEqual([])
  })

  it('keeps a position whose header it has lost until a newer one says otherwise', async () => {
    await dial()
    await agent.hold(shop(2, 'shop-r2'), 1)
    await active(2)
    await startAgain()
    await dial()
    await agent.hold(shop(3, 'shop-r1'), 2)
    await active(3)
  })

  it('does not say that endpoints are there, or gone, before every worker has said so', async () => {
    const worker = await dial()
    const arrived = () => agent.convergence.progress().arrived
    const { 'shop-r2': gone, ...left } = bothReady
    agent.convergence.setEndpoints(bothReady)
    await until('both', () => arrived() === bothReady)
    worker.state.deaf = true
    agent.convergence.setEndpoints(left)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    expect(arrived()['shop-r2']).toBe(gone)
    worker.state.deaf = false
    await until('one', () => arrived() === left)
  })

  it('does not say that endpoints are ready that only the disk knows', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    await startAgain()
    await dial()
    await agent.hold(shop(1, 'shop-r1', proposal), 1, null)
    await active(1)
    expect(shopStanding()?.prepared).toBe(0)
    agent.convergence.setEndpoints(bothReady)
    await until('prepared', () => shopStanding()?.prepared === 2)
  })
})
