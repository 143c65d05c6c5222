/**
 * The stage of the tests that need a whole fleet: real processes in a temporary folder, the demo
 * application behind it, and the load generator in front. Everything is gone after `close`, and the logs
 * are shown when a test failed.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { request as ask } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ReleaseView } from '#wire/release.ts'
import { defaultPlan, type LoadPlan } from '../bench/load/plan.ts'
import { type Load, startLoad } from '../bench/load.ts'
import type { AppInput, CallOptions, ReleaseInput } from '../deploy/local/control-client.ts'
import { type Fleet, type FleetPlan, startFleet } from '../deploy/local/fleet.ts'
import { untilPhase } from '../deploy/local/until.ts'

export const shopProgram = resolve(import.meta.dirname, '../deploy/local/shop.ts')

export interface Stage {
  readonly fleet: Fleet
  readonly folder: string
  /** Puts an app on all clusters with one host: `<app>.example`. */
  putApp(app: string, intent?: Partial<AppInput>, options?: CallOptions): Promise<void>
  /** Starts a release and waits until it can be promoted (or, the first one, until it is live). */
  release(intent: ReleaseInput): Promise<ReleaseView>
  load(app: string, plan?: Partial<LoadPlan>): Promise<Load>
  /** One GET through the named agent; the shop's answer. */
  get(agent: string, app: string, path?: string): Promise<ShopAnswer>
  close(): Promise<void>
}

export interface ShopAnswer {
  readonly status: number
  readonly version: string
  readonly release: string
  readonly path: string
}

export async function openStage(plan: Partial<FleetPlan> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'swy-'))
  const fleet = await startFleet({
    stateFolder: folder,
    clusters: ['eu-1', 'us-1'],
    agentsPerCluster: 2,
    workersPerAgent: 1,
    nats: false,
    programs: { shop: shopProgram },
    ...plan,
  })
  const loads = new Set<Load>()
  const { client } = fleet

  return {
    fleet,
    folder,
    async putApp(app, intent = {}, options = { wait: 'active', timeoutMs: 15_000 }) {
      await client.putApp(
        app,
        {
          clusters: [...fleet.plan.clusters],
          hosts: [`${app}.example`],
          platform: { type: 'local', program: 'shop' },
          ...intent,
        },
        options,
      )
    },
    async release(intent) {
      const { id } = await client.createRelease(intent)
      return untilPhase(client, id, intent.autoPromote ? 'live' : 'ready', 30_000)
    },
    async load(app, changes = {}) {
      const authority = `${app}.example`
      const load = await startLoad({
        ...defaultPlan,
        targets: fleet.targets(),
        authority,
        ...changes,
      })
      loads.add(load)
      return load
    },
    async get(agent, app, path = '/') {
      const [target] = fleet.targets([agent])
      return request(target!.port, `${app}.example`, path)
    },
    async close() {
      for (const load of loads) load.kill()
      await fleet.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Said {
  readonly release?: string
  readonly path?: string
}

/** `fetch` may not set Host, so this speaks through `node:http`. */
export function request(port: number, host: string, path: string): Promise<ShopAnswer> {
  return new Promise((resolve, reject) => {
    const asked = ask(
      { host: '127.0.0.1', port, path, agent: false, headers: { host } },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const said = answer.statusCode === 200 ? (JSON.parse(text) as Said) : null
          const version = String(answer.headers['x-version'] ?? '')
          const { path = '', release = '' } = said ?? {}
          resolve({ status: answer.statusCode ?? 0, version, release, path })
        })
      },
    )
    asked.on('error', reject)
    asked.setTimeout(5_000, () => asked.destroy(new Error('no answer in 5 s')))
    asked.end()
  })
}
