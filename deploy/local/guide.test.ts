import { expect, test } from 'vitest'
import type { Fleet } from './fleet.ts'
import { commands } from './guide.ts'

const fleet = {
  plan: { clusters: ['eu-1'], agentsPerCluster: 2, stateFolder: '/state' },
  ports: { platforms: { 'eu-1': 7800 } },
  controlUrl: 'http://127.0.0.1:7700',
  natsUrl: null,
  targets: () => [{ port: 7801 }],
} as unknown as Fleet

test('each step of a release waits until it is done, so that all can be pasted at once', () => {
  const steps = commands(fleet, [])
    .map(({ command }) => command)
    .filter((command) => command.includes('--json') && command.includes('/v1/releases'))
    .filter((command) => !command.includes('/decommission'))
  expect(steps).toHaveLength(4)
  for (const step of steps) expect(step).toContain('?wait=active')
})
