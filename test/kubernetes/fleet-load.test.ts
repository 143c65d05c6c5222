import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { defaultPlan } from '../../bench/load/plan.ts'
import { judge } from '../../bench/load/verdict.ts'
import { loadCommand } from '../../bench/load.ts'
import { startShop } from '../../deploy/local/shop.ts'
import { until } from '../../deploy/local/until.ts'
import { startFleetLoad } from './fleet-load.ts'

const place = {
  launchLoad: (options: object) => spawn(process.execPath, loadCommand, options),
}

test('half of the rate in each of two places, and one result', async () => {
  const shops = await Promise.all(
    ['1', '2'].map((version) =>
      startShop({ host: '127.0.0.1', port: 0, version, release: 'none', cluster: 'none' }),
    ),
  )
  const parts = shops.map(({ port }, n) => {
    const targets = [{ name: `cluster-${n + 1}`, host: '127.0.0.1', port }]
    return { place, plan: { ...defaultPlan, targets, authority: 'shop.example' } }
  })
  const load = await startFleetLoad(parts)
  try {
    await until(
      'both are asked',
      load.counts,
      ({ byVersion }) => Object.keys(byVersion).length === 2,
    )
    await until('some more', load.counts, ({ done }) => done > 100)
  } finally {
    const result = await load.stop()
    await Promise.all(shops.map((shop) => shop.stop()))
    const allowed = ['1', '2'].map((version) => ({ version, fromMs: 0 }))
    const { failed, misrouted, byVersion } = judge(result, allowed)
    expect({ failed, misrouted }).toEqual({ failed: 0, misrouted: 0 })
    const seconds = (result.endedMs - result.startedMs) / 1_000
    expect(byVersion['1']! / seconds).toBeLessThan(defaultPlan.ratePerSecond * 0.6)
    for (const { target, version } of result.samples) expect(target).toBe(`cluster-${version}`)
  }
})
