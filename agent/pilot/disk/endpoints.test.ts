import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { EndpointsRecord } from '../endpoints/served.ts'
import { until } from '../fleet.fixture.ts'
import { createEndpointsOnDisk } from './endpoints.ts'
import { loadLastKnownGood } from './last-known-good.ts'

let folder: string
let record: EndpointsRecord
let troubles: unknown[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-endpoints-'))
  troubles = []
  change(0)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function change(port: number): void {
  const endpoints = { 'shop-r1': [{ address: '127.0.0.1', port }] }
  record = { endpoints, own: endpoints, shares: {} }
}
const open = () =>
  createEndpointsOnDisk({
    folder,
    record: () => record,
    onTrouble: (error) => troubles.push(error),
    soonMs: 1,
  })
const stored = () => loadLastKnownGood(folder)

it('are there a moment later, with what has changed until then', async () => {
  const disk = open()
  change(1)
  disk.soon()
  change(2)
  await until('the file', () => stored().endpoints.endpoints['shop-r1'])
  expect(stored()).toMatchObject({ endpoints: record, damage: [] })
  await disk.stop()
})

it('are never older than what was written at once', async () => {
  const disk = open()
  for (let port = 1; port < 200; port += 2) {
    change(port)
    disk.soon()
    await delay(Math.random() * 4)
    change(port + 1)
    disk.now()
    await disk.stop()
    expect(stored()).toMatchObject({ endpoints: record, damage: [] })
  }
  expect(troubles).toEqual([])
})

it('are tried again when the disk did not take them', async () => {
  const disk = open()
  const away = `${folder}-away`
  renameSync(folder, away)
  change(1)
  disk.soon()
  await until('trouble', () => troubles.length === 1)
  renameSync(away, folder)
  disk.soon()
  await until('the file', () => stored().endpoints.endpoints['shop-r1'])
  expect(JSON.parse(readFileSync(join(folder, 'endpoints.json'), 'utf8'))).toMatchObject({
    endpoints: record.endpoints,
  })
  await disk.stop()
})
