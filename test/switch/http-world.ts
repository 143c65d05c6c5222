/**
 * Real programs: one fleet for all rows, an app of its own for each. An agent is silent while its pilot
 * is stopped in its tracks (its workers serve on); copies die by saying that they are not ready.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppIntent } from '#wire/app.ts'
import type { SnapshotObject } from '#wire/object.ts'
import type { ReleaseView } from '#wire/release.ts'
import { type AppInput, Rejected } from '../../deploy/local/control-client.ts'
import { openTunnel } from '../../deploy/local/exchanges.ts'
import { until } from '../../deploy/local/until.ts'
import type { Stage } from '../stage.ts'
import { readyAddresses } from './platform-endpoints.ts'
import type { Outcome, Refused, SwitchWorld } from './world.ts'

/** Agents that the stage knows and a row lets join. */
export const lateAgents = ['eu-1-c', 'us-1-c'] as const

const clusterOf = (agent: string) => agent.slice(0, 4)
const withinMs = 20_000

export async function createHttpWorld(stage: Stage, app: string): Promise<SwitchWorld> {
  const { fleet } = stage
  const { client } = fleet
  const silent = new Map<string, number>()
  const enrolAgain = new Set<string>()
  const joined = new Set<string>()
  const open = new Set<{ close(): Promise<unknown> }>()

  /** The rows say `shop.example`; hosts of two apps may not be the same. */
  const body = ({ hosts = ['shop.example'], ...changes }: Partial<AppIntent> = {}): AppInput => ({
    clusters: [...fleet.plan.clusters],
    hosts: hosts.map((host) => host.replace('shop', app)),
    platform: { type: 'local', program: 'shop' },
    ...changes,
  })
  const view = (release: string) => client.getRelease(release)
  const silence = async (agent: string) => {
    const pid = fleet.pid(`${agent}.pilot`)!
    silent.set(agent, pid)
    process.kill(pid, 'SIGSTOP')
  }
  const wake = async (agent: string) => {
    process.kill(silent.get(agent)!, 'SIGCONT')
    silent.delete(agent)
  }
  const publicAt = async (agent: string) => {
    const { status, release } = await stage.get(agent, app)
    return status === 200 ? release : null
  }

  await client.putApp(app, body(), { wait: 'active', timeoutMs: withinMs })
  return {
    app,
    put: (changes) => refusal(client.putApp(app, body(changes))),
    deleteApp: () => refusal(client.deleteApp(app)),
    create: (intent) => outcome(client.send('POST', '/v1/releases', { app, ...intent })),
    step: (step, release, options = {}) =>
      outcome(client.send('POST', `/v1/releases/${release}/${step}`, undefined, options)),
    view,
    until: (release, holds) => until(`${release}`, () => view(release), holds, withinMs),
    publicAt,
    silence,
    wake,
    async setCopies(release, agent, ready) {
      const platform = `http://127.0.0.1:${fleet.ports.platforms[clusterOf(agent)]}`
      const key = `${platform} ${release}`
      const known = ready ? unready.get(key)! : (await readyAddresses(platform))[release]!
      unready.set(key, known)
      for (const { address, port } of known) {
        await fetch(`http://${address}:${port}/readyz?ready=${ready}`, { method: 'POST' })
      }
    },
    async join(cluster) {
      const agent = lateAgents.find((name) => clusterOf(name) === cluster && !joined.has(name))!
      joined.add(agent)
      await fleet.startOne(agent)
      return agent
    },
    async forget(agent) {
      if (!silent.has(agent)) await silence(agent)
      enrolAgain.add(agent)
      await client.call('DELETE', `/v1/clusters/${clusterOf(agent)}/agents/${agent}`)
    },
    async restartControl() {
      await fleet.kill('control')
      await fleet.startOne('control')
    },
    async open(agent) {
      const tunnel = await openTunnel(fleet.targets([agent])[0]!, `${app}.example`)
      open.add(tunnel)
      return {
        async close() {
          open.delete(tunnel)
          await tunnel.close()
        },
      }
    },
    async closing(agent) {
      await delay(50)
      const snapshot = await client.snapshot(clusterOf(agent))
      return (snapshot as { objects: readonly SnapshotObject[] }).objects.flatMap((object) =>
        object.kind === 'position' && object.app === app ? (object.close ?? []) : [],
      )
    },
    async end() {
      for (const agent of silent.keys()) await wake(agent)
      for (const one of open) await one.close()
      for (const agent of [...enrolAgain, ...joined]) await leave(agent)
      for (const agent of enrolAgain) await fleet.startOne(agent)
      await clear()
    },
  }

  /** As if it had never been: its process, its place in the fleet, its key. */
  async function leave(agent: string): Promise<void> {
    await fleet.killAll(agent)
    await client.call('DELETE', `/v1/clusters/${clusterOf(agent)}/agents/${agent}`).catch(() => {})
    await rm(join(stage.folder, 'agents', agent), { recursive: true, force: true })
  }

  /** Ends the row's copies, so that the machine has room for the next. */
  async function clear(): Promise<void> {
    await until(
      `${app} is gone`,
      async () => {
        const releases = await client.releases(app)
        for (const { id, phase } of releases) {
          if (phase === 'live' || phase === 'decommissioned') continue
          await client.step(id, 'abort').catch(() => {})
          await client.step(id, 'decommission').catch(() => {})
        }
        await client.deleteApp(app)
        return releases
      },
      () => true,
      withinMs,
      200,
    )
  }
}

/** Where copies are that were told to be unready: the platform does not list them then. */
const unready = new Map<string, readonly { address: string; port: number }[]>()

async function refusal(call: Promise<unknown>): Promise<Refused | null> {
  const answer = await outcome(call as Promise<{ body: unknown; repeated: boolean }>)
  return 'refused' in answer ? answer.refused : null
}

async function outcome(call: Promise<{ body: unknown; repeated: boolean }>): Promise<Outcome> {
  try {
    const { body, repeated } = await call
    return { view: body as ReleaseView, repeated }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const { code, detail = '', ...evidence } = error.problem
    return { refused: { code: code as Refused['code'], detail, evidence } }
  }
}
