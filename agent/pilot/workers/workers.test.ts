import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linkLine, type PilotMessage } from '../../link.ts'
import type { TableFile } from '../disk/last-known-good.ts'
import { position, until } from '../fleet.fixture.ts'
import { appliedOf } from '../positions.ts'
import { dialPilot, type WorkerState } from './worker.fixture.ts'
import { createWorkers, type Want, type Workers } from './workers.ts'

const table: TableFile = {
  digest: 'd'.repeat(64),
  file: '/table',
  releases: ['shop-r1', 'shop-r2'],
  apps: ['shop'],
}
const atShop = (generation: number) =>
  new Map([['shop', appliedOf(position('shop', generation, 'shop-r1'))]])
const want: Want = {
  table,
  positions: atShop(1),
  endpoints: { 'shop-r1': [{ address: '127.0.0.1', port: 9001 }] },
  ready: true,
}

let folder: string
let path: string
let workers: Workers
let refused: string[]
let sockets: Socket[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-link-'))
  path = join(folder, 'pilot.sock')
  refused = []
  sockets = []
  workers = createWorkers({
    path,
    onChange: () => {},
    onUsage: () => {},
    onRefused: (digest, reason) => refused.push(`${digest.slice(0, 4)} ${reason}`),
    log: () => {},
    timing: { driftMs: 60, askEveryMs: 150 },
  })
  await workers.listen()
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await workers.close()
  rmSync(folder, { recursive: true })
})

const dial = async (changes: Partial<WorkerState> = {}) => {
  const worker = await dialPilot(path, changes)
  sockets.push(worker.socket)
  return worker
}

const equal = (count: number) =>
  until(`${count} equal workers`, () => {
    const views = workers.views()
    return views.length === count && views.every(({ differs }) => differs === null)
  })
const types = (messages: readonly PilotMessage[]) => messages.map(({ type }) => type)

describe('the workers', () => {
  it('get everything that they lack, the table before its positions, then the word to be ready', async () => {
    workers.set(want)
    const worker = await dial()
    await equal(1)
    await until('ready', () => worker.received.some(({ type }) => type === 'ready'))
    expect(types(worker.received)).toEqual(['endpoints', 'table', 'positions', 'ready'])
  })

  it('get only positions that changed when a switch is committed', async () => {
    workers.set(want)
    const worker = await dial()
    await equal(1)
    await until('ready', () => worker.received.length === 4)
    const other = appliedOf(position('other', 1, 'other-r1'))
    const positions = new Map([...atShop(2), ['other', other]])
    workers.set({ ...want, positions })
    await equal(1)
    workers.set({ ...want, positions: new Map([...positions, ...atShop(3)]) })
    await equal(1)
    expect(worker.received.slice(5)).toEqual([
      { type: 'positions', positions: [...atShop(3).values()] },
    ])
  })

  it('have endpoints once each of them says so, whatever one says of a former pilot', async () => {
    workers.set(want)
    expect(workers.haveEndpoints()).toBe(false)
    await dial()
    const slow = await dial({ endpointsNumber: 12_345 })
    await equal(2)
    await until('the first', workers.haveEndpoints)
    slow.state.deaf = true
    workers.set({ ...want, endpoints: { ...want.endpoints } })
    await until('it heard', () => slow.received.some(({ type }) => type === 'endpoints'))
    expect(workers.haveEndpoints()).toBe(false)
    slow.state.deaf = false
    await until('both', workers.haveEndpoints)
  })

  it('get only endpoints that changed, and all of them now and then', async () => {
    const list = (port: number) => [{ address: '127.0.0.1', port }]
    const endpoints = { 'shop-r1': list(9001), 'shop-r2': list(9002), 'shop-r3': list(9003) }
    workers.set({ ...want, endpoints })
    const worker = await dial()
    await equal(1)
    const { 'shop-r3': _, ...rest } = endpoints
    const changed = { ...rest, 'shop-r2': [...list(9004), ...list(9005)] }
    workers.set({ ...want, endpoints: changed })
    await equal(1)
    expect(worker.received.filter(({ type }) => type === 'endpoints-changed')).toMatchObject([
      { endpoints: { 'shop-r2': changed['shop-r2'], 'shop-r3': [] } },
    ])
    const whole = () => worker.received.filter(({ type }) => type === 'endpoints')
    const count = whole().length
    await until('all of them', () => whole().length > count)
    expect(whole().at(-1)).toMatchObject({ endpoints: changed })
  })

  it('do not get a table that they have', async () => {
    workers.set(want)
    const worker = await dial({ tableDigest: table.digest })
    await equal(1)
    expect(types(worker.received)).not.toContain('table')
  })

  it('are not told to be ready before they serve what they shall', async () => {
    workers.set(want)
    const worker = await dial({ deaf: true })
    await until('the table', () => worker.received.length >= 3)
    expect(types(worker.received)).not.toContain('ready')
  })

  it('that do not follow are named with what differs, and told again', async () => {
    workers.set(want)
    const worker = await dial({ deaf: true })
    const view = await until('drift', () => workers.views().find(({ drifting }) => drifting))
    expect(view.differs).toBe('table old instead of dddddddddddd')
    const told = worker.received.length
    await until('it is told again', () => worker.received.length > told)
    expect(workers.views()).toMatchObject([{ drifting: true }])
    worker.state.deaf = false
    await equal(1)
  })

  it('are asked now and then what they serve, so that drift is seen and repaired', async () => {
    workers.set(want)
    const worker = await dial()
    await equal(1)
    worker.state.positions.shop = 99
    await until('another question', () => worker.received.length > 4)
    await equal(1)
    await until('repair', () => worker.state.positions.shop === 1)
  })

  it('may refuse a table, and that is heard', async () => {
    const worker = await dial()
    worker.say({ type: 'refused', digest: table.digest, reason: 'a node is out of range' })
    await until('the refusal', () => refused.length > 0)
    expect(refused).toEqual(['dddd a node is out of range'])
  })

  it('that say nothing, nonsense, or a part without the whole, are cut off', async () => {
    const silent = connect(path)
    sockets.push(silent)
    const cut = new Promise((resolve) => silent.once('close', resolve))
    silent.on('error', () => {})
    const garbled = connect(path)
    sockets.push(garbled)
    garbled.on('error', () => {})
    garbled.write('this is not JSON\n')
    await new Promise((resolve) => garbled.once('close', resolve))
    const partial = connect(path)
    sockets.push(partial)
    partial.on('error', () => {})
    partial.write(linkLine({ type: 'serving-endpoints', endpoints: {}, endpointsNumber: 1 }))
    await new Promise((resolve) => partial.once('close', resolve))
    await cut
    await until('nobody', () => workers.views().length === 0)
  })

  it('that lost the link but live are counted as lost, with their ledger, until they die', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const worker = await dial({ pid: child.pid! })
    const usage = {
      inUse: { 'shop-r1': 2 },
      requests: { 'shop-r1': 5 },
      errors: {},
      failures: {},
      connections: 1,
    }
    worker.say({ type: 'usage', usage })
    await until('usage', () => workers.usage().inUse['shop-r1'] === 2)
    worker.socket.destroy()
    await until('the loss', () => workers.lostCount() === 1)
    expect(workers.usage().inUse).toEqual({ 'shop-r1': 2 })
    child.kill('SIGKILL')
    await until('its death', () => workers.lostCount() === 0)
    expect(workers.usage()).toMatchObject({ inUse: {}, requests: { 'shop-r1': 5 } })
  })
})
