/**
 * Control and agents as processes in a lab's network, each started as an operator would start it, with the
 * platform `kubernetes`. They end with the lab at the latest.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Child,
  createChild,
  logTail,
  ProcessFailed,
  untilReady,
} from '../../deploy/local/child.ts'
import { type ControlClient, createControlClient } from '../../deploy/local/control-client.ts'
import { type AgentPorts, portsFromBase } from '../../deploy/local/ports.ts'
import { ownSource } from '../../deploy/local/programs.ts'
import type { Cluster } from '../lab/start-cluster.ts'
import { type Gate, openGate } from './gate.ts'

/** Switchyard's name of the cluster. */
export const clusterName = 'eu-1'

export interface LabFleet {
  readonly client: ControlClient
  /** Names of the agents, and their ports inside the lab. */
  readonly agents: Readonly<Record<string, AgentPorts>>
  /** Where on the machine the agent's traffic port is reached. */
  readonly outside: Readonly<Record<string, number>>
  child(name: string): Child
  /** Ends of all logs, for a test that has failed. */
  tails(): string
  stop(): Promise<void>
}

const startWithinMs = 30_000
const stopWithinMs = 10_000

export async function startLabFleet(cluster: Cluster, agentCount: number): Promise<LabFleet> {
  const state = join(cluster.folder, 'switchyard')
  mkdirSync(join(state, 'logs'), { recursive: true })
  const ports = portsFromBase(7_700, [clusterName], agentCount)
  const controlState = join(state, 'control')
  const local = (port: number) => `127.0.0.1:${port}`
  const children = new Map<string, Child>()
  const gate: Gate = openGate(cluster.run)

  function add(name: string, script: string, args: readonly string[]): Child {
    const child = createChild({
      name,
      program: () => ({ script: join(ownSource, script), args }),
      logFile: join(state, 'logs', `${name.replace(' ', '-')}.log`),
      launch: cluster.run,
    })
    children.set(name, child)
    child.start()
    return child
  }

  async function startControl(): Promise<ControlClient> {
    const init = add('control init', 'control/main.ts', [
      ...['init', '--state', controlState, '--cluster', clusterName],
    ])
    if ((await init.exitCode()) !== 0) throw new ProcessFailed(`control init.${logTail(init)}`)
    const control = add('control', 'control/main.ts', [
      ...['start', '--state', controlState, '--listen', local(ports.control)],
      ...['--log-format', 'text'],
    ])
    const url = `http://${local(await gate.open(ports.control))}`
    await untilReady(control, 'ready', () => answers(`${url}/livez`), startWithinMs)
    const token = readFileSync(join(controlState, 'admin.token'), 'utf8').trim()
    return createControlClient(url, token)
  }

  async function startAgent(name: string, { listen, probe, admin }: AgentPorts): Promise<void> {
    const token = readFileSync(join(controlState, `enrol-${clusterName}.token`), 'utf8').trim()
    const child = add(name, 'agent/main.ts', [
      ...['--cluster', clusterName, '--name', name],
      ...['--enrol', `http://${local(ports.control)}/#${token}`],
      ...['--state', join(state, name), '--workers', '1', '--log-format', 'text'],
      ...['--listen', local(listen), '--probe', local(probe), '--admin', local(admin)],
      ...['--platform', `kubernetes:${cluster.kubeconfig}`],
    ])
    const outer = await gate.open(probe)
    await untilReady(child, 'ready', () => answers(`http://${local(outer)}/readyz`), startWithinMs)
  }

  async function stop(): Promise<void> {
    await Promise.all([...children.values()].map((child) => child.stop(stopWithinMs)))
    gate.close()
  }

  try {
    const client = await startControl()
    await Promise.all(Object.entries(ports.agents).map((agent) => startAgent(...agent)))
    const outside: Record<string, number> = {}
    for (const [name, { listen }] of Object.entries(ports.agents)) {
      outside[name] = await gate.open(listen)
    }
    return {
      client,
      agents: ports.agents,
      outside,
      child(name) {
        const child = children.get(name)
        if (!child)
          throw new Error(`no process is named ${name}: ${[...children.keys()].join(', ')}`)
        return child
      },
      tails: () => [...children.values()].map(logTail).join('\n'),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
