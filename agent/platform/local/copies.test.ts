/** Copies become available by time alone; nothing else wakes what waits for that moment. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test, vi } from 'vitest'
import { until } from '../../pilot/fleet.fixture.ts'
import { createCopies } from './copies.ts'
import { copyTiming } from './copy.ts'
import type { LocalWorkload } from './protocol.ts'

const shop = resolve(import.meta.dirname, '../../../deploy/local/shop.ts')
const timing = { ...copyTiming, probeMs: 30, startMs: 20, removeDelayMs: 50 }
const workload = (release: string): LocalWorkload => ({
  ...{ app: 'shop', release, version: '1', program: 'shop', copies: 1 },
})

test('the moment at which a copy is available may pass in the middle of a look', async () => {
  const stateFolder = mkdtempSync(join(tmpdir(), 'swy-copies-'))
  const copies = await createCopies({
    ...{ cluster: 'eu-1', host: '127.0.0.1', stateFolder, timing },
    programs: { shop },
    onChange: () => {},
    log: () => {},
  })
  const clock = vi.spyOn(performance, 'now')
  try {
    copies.want([workload('shop-r1')])
    await until('it is ready', () => copies.endpoints()['shop-r1']?.length === 1)
    const rules = { replaces: ['shop-r1'], maxSurge: 1, maxUnavailable: 0, paused: false }
    const rolling = { ...rules, minReadyMs: 60_000, progressDeadlineMs: 600_000 }
    copies.want([{ ...workload('shop-r2'), rolling }])
    await until('the next one is ready', () => copies.endpoints()['shop-r2']?.length === 1)

    const passes = [59_000, 61_000]
    const realMs = () => Date.now() - performance.timeOrigin
    clock.mockImplementation(() => realMs() + (passes.length > 1 ? passes.shift()! : passes[0]!))
    copies.want([{ ...workload('shop-r2'), rolling }])
    await until('the old one is gone', () => !copies.endpoints()['shop-r1'])
    expect(copies.endpoints()['shop-r2']).toHaveLength(1)
  } finally {
    clock.mockRestore()
    await copies.stop()
    rmSync(stateFolder, { recursive: true })
  }
})
