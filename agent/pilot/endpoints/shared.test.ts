import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PositionObject, SnapshotObject } from '#wire/object.ts'
import { objectsOf, treeOf } from '#wire/tree.ts'
import type { Endpoints, PilotMessage } from '../../link.ts'
import {
  address,
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
} from '../convergence.fixture.ts'
import { shop, until } from '../fleet.fixture.ts'

const isPositions = (message: PilotMessage) => message.type === 'positions'
function takesAway(message: PilotMessage): boolean {
  if (message.type !== 'endpoints' && message.type !== 'endpoints-changed') return false
  const list = message.endpoints['shop-r2']
  return list ? list.length === 0 : message.type === 'endpoints'
}

describe('a release that shares the endpoints of another', () => {
  const sharing = (generation: number, release: string, next?: PositionObject['next']) =>
    treeOf(
      [...objectsOf(shop(generation, release, next))].map((object) =>
        object.key === 'backend/shop-r2' ? { ...object, shares: ['shop-r1'] } : object,
      ) as SnapshotObject[],
    )
  const oldOnly: Endpoints = { 'shop-r1': bothReady['shop-r1']! }
  const endpointsFile = () => JSON.parse(readFileSync(join(folder, 'endpoints.json'), 'utf8'))
  const counts = () => dialled.at(-1)!.state.endpoints

  it('is prepared by them, and workers have them; each is still reported as its own', async () => {
    await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    expect(counts()).toEqual({ 'shop-r1': 1, 'shop-r2': 1 })
    expect(agent.convergence.progress().endpoints).toEqual(oldOnly)

    agent.convergence.setEndpoints({ ...bothReady, 'shop-r2': [address, ...bothReady['shop-r2']!] })
    await until('each address once', () => counts()['shop-r2'] === 2)
  })

  it('keeps them until the position has left it, also when its snapshot shares no more', async () => {
    const worker = await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(1, 'shop-r2'), 1)
    await equal()
    worker.state.deaf = true
    const before = worker.received.length
    await agent.hold(shop(2, 'shop-r1'), 2)
    await until('the position', () => worker.received.slice(before).some(isPositions))
    expect(worker.received.slice(before).some(takesAway)).toBe(false)
    worker.state.deaf = false
    await until('the end of sharing', () => counts()['shop-r2'] === undefined)
    expect(worker.received.slice(before).findIndex(takesAway)).toBeGreaterThan(0)
  })

  it('gives them to a worker that starts alone, on disk before the position', async () => {
    await dial()
    await agent.hold(sharing(1, 'shop-r1'), 1)
    await equal()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(2, 'shop-r2'), 2)
    expect(onDisk()).toMatchObject([{ generation: 2 }])
    expect(endpointsFile().endpoints['shop-r2']).toEqual([address])
  })

  it('has them at once when the pilot starts again, whoever speaks first', async () => {
    await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(2, 'shop-r2'), 1)
    await equal()
    await startAgain()
    const worker = await dial()
    agent.convergence.setEndpoints(oldOnly)
    await until('everything', () => worker.state.positions.shop === 2)
    expect(counts()).toEqual({ 'shop-r1': 1, 'shop-r2': 1 })
    expect(agent.convergence.progress().endpoints).toEqual(oldOnly)
    expect(worker.received.some(takesAway)).toBe(false)
  })
})
