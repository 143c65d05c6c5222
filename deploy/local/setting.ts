/** What the local start and the demo both set up: two clusters of two agents, and the shop. */
import { resolve } from 'node:path'
import type { ReleaseView } from '#wire/release.ts'
import type { AppInput, ControlClient } from './control-client.ts'
import type { FleetPlan } from './fleet.ts'
import { untilPhase } from './until.ts'

export const app = 'shop'
export const authority = 'shop.example'
export const clusters = ['eu-1', 'us-1'] as const
export const preview = { path: '/test' } as const

export const shopIntent: AppInput = {
  clusters: [...clusters],
  hosts: [authority],
  platform: { type: 'local', program: app },
}

export const localPlan = (
  stateFolder: string,
  { nats, runtime }: Pick<FleetPlan, 'nats' | 'runtime'>,
  portBase?: number,
): FleetPlan => ({
  stateFolder,
  clusters,
  agentsPerCluster: 2,
  workersPerAgent: 1,
  nats,
  ...(runtime && { runtime }),
  ...(portBase === undefined ? {} : { portBase }),
  programs: { [app]: resolve(import.meta.dirname, 'shop.ts') },
})

/** Puts the shop and makes its first version live, unless that has been done before. Newest first. */
export async function openShop(client: ControlClient): Promise<readonly ReleaseView[]> {
  const before = await client.releases(app)
  if (before.length > 0) return before
  await client.putApp(app, shopIntent, { wait: 'active', timeoutMs: 15_000 })
  const { id } = await client.createRelease({ app, version: '0.0.1', autoPromote: true })
  await untilPhase(client, id, 'live', 30_000)
  return client.releases(app)
}
