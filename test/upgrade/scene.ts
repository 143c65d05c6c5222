/** What both orders of an upgrade share: a fleet of the former version, under load at every agent. */
import { expect } from 'vitest'
import { createHistory, type History } from '../../bench/load/history.ts'
import type { Load } from '../../bench/load.ts'
import { Rejected } from '../../deploy/local/control-client.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'
import { expectFlawless } from '../story/scene.ts'
import { type Former, unpackFormer } from './former.ts'

export const app = 'shop'
const ratePerSecond = 40

export interface Upgrade {
  readonly stage: Stage
  readonly agents: readonly string[]
  /** Stops the process, and starts this version of it on the same state. */
  control(): Promise<void>
  /** The agent's own load ends before, as behind a load balancer; the others' goes on. */
  agent(name: string): Promise<void>
  /** By cluster: format and digest of what is published. */
  published(): Promise<Readonly<Record<string, Published>>>
  /** A new release is made, promoted, rolled back and promoted again. */
  promoteAndBack(): Promise<void>
  /** Of a release with a share of the users: null when it was taken, else the code of the refusal. */
  tryCanary(version: string): Promise<string | null>
  close(): Promise<void>
}

export interface Published {
  readonly format: number
  readonly digest: string
}

export async function openUpgrade(nats = false): Promise<Upgrade> {
  const former: Former = unpackFormer()
  const stage = await openStage({ source: former.folder, nats })
  const { fleet } = stage
  const agents = fleet.agents.map(({ name }) => name)
  await stage.putApp(app)
  await stage.release({ app, version: '1', autoPromote: true })
  const history: History = createHistory('1')
  const loads = new Map<string, Load>()
  let number = 1

  const startLoad = async (name: string) => {
    const targets = fleet.targets([name])
    loads.set(name, await stage.load(app, { targets, ratePerSecond }))
  }
  const endLoad = async (name: string) => {
    const result = await loads.get(name)!.stop()
    loads.delete(name)
    expectFlawless(result, history)
  }
  const step = (id: string, what: 'promote' | 'rollback') =>
    fleet.client.step(id, what, { wait: 'active', timeoutMs: 15_000 })

  for (const name of agents) await startLoad(name)
  return {
    stage,
    agents,
    async control() {
      await fleet.stopOne('control')
      fleet.useSource('control', null)
      await fleet.startOne('control')
      await until('all agents are current', () => conditions(stage), allCurrent, 20_000)
    },
    async agent(name) {
      await endLoad(name)
      await fleet.stopOne(name)
      fleet.useSource(name, null)
      await fleet.startOne(name)
      await until('all agents are current', () => conditions(stage), allCurrent, 20_000)
      await startLoad(name)
    },
    async published() {
      const shown = fleet.plan.clusters.map(async (cluster) => {
        const { format, digest } = (await fleet.client.snapshot(cluster)) as Published
        return [cluster, { format, digest }] as const
      })
      return Object.fromEntries(await Promise.all(shown))
    },
    async promoteAndBack() {
      const before = history.current
      const version = String(++number)
      const { id } = await stage.release({ app, version })
      await history.move(version, () => step(id, 'promote'))
      await history.move(before, () => step(id, 'rollback'))
      await history.move(version, () => step(id, 'promote'))
    },
    async tryCanary(version) {
      try {
        const steps = [{ weight: 50, pause: { until: 'promote' as const } }]
        const intent = { app, version, strategy: 'canary' as const, steps }
        const { id } = await fleet.client.createRelease(intent)
        await untilPhase(fleet.client, id, 'ready', 20_000)
        // While it runs both may answer.
        await history.move(version, async () => {
          const half = await step(id, 'promote')
          expect(Object.values(half.weights)).toEqual(fleet.plan.clusters.map(() => 50))
          await step(id, 'promote')
          await untilPhase(fleet.client, id, 'live', 20_000)
        })
        return null
      } catch (error) {
        if (error instanceof Rejected) return error.problem.code
        throw error
      }
    },
    async close() {
      try {
        for (const name of [...loads.keys()]) await endLoad(name)
      } finally {
        await stage.close()
        await former.remove()
      }
    },
  }
}

interface Shown {
  readonly agents: readonly { readonly agent: string; readonly condition: string }[]
}

async function conditions(stage: Stage): Promise<readonly string[]> {
  const shown = stage.fleet.plan.clusters.map(
    async (cluster) => ((await stage.fleet.client.agents(cluster)) as Shown).agents,
  )
  return (await Promise.all(shown)).flat().map(({ condition }) => condition)
}

const allCurrent = (all: readonly string[]) => all.every((condition) => condition === 'current')
