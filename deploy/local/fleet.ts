/**
 * A whole Switchyard on one machine, as real processes: control, one platform per cluster, the agents,
 * and NATS when asked for. Each is started as an operator would start it, has a name, a log file and a
 * state folder, and can be killed and started again by name. Nothing outlives `stop`.
 *
 *   <state>/fleet.json   the plan and the ports       <state>/agents/<agent>/
 *   <state>/control/     log, keys, tokens            <state>/platforms/<cluster>/
 *   <state>/nats/        streams                      <state>/logs/<name>.log
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LogFormat } from '#wire/log-line.ts'
import type { Target } from '../../bench/load/plan.ts'
import { type Child, createChild, logTail, ProcessFailed, untilReady } from './child.ts'
import { type ControlClient, createControlClient } from './control-client.ts'
import { agentsOf, type FleetPorts, freePorts, occupied, portsFromBase } from './ports.ts'
import { descendants } from './processes.ts'
import { ownSource, programs } from './programs.ts'

export interface FleetPlan {
  readonly stateFolder: string
  readonly clusters: readonly string[]
  readonly agentsPerCluster: number
  readonly workersPerAgent: number
  readonly nats: boolean
  /** What control runs on; left out: Node. `workers` is the real workerd. */
  readonly runtime?: 'node' | 'workers'
  /** First port; left out: free ports are found once. */
  readonly portBase?: number
  /** Agents that are not started with the fleet; `startOne` lets them join later. */
  readonly later?: readonly string[]
  /** Of the files in `logs/`; left out: text, for people. */
  readonly logFormat?: LogFormat
  /** Folder of the version that everything is started from; left out: this one. */
  readonly source?: string
  /** Programs that the local platforms may run, by name. */
  readonly programs: Readonly<Record<string, string>>
}

export interface Fleet {
  readonly plan: FleetPlan
  readonly ports: FleetPorts
  readonly client: ControlClient
  readonly adminToken: string
  readonly controlUrl: string
  readonly natsUrl: string | null
  readonly agents: readonly { readonly name: string; readonly cluster: string }[]
  /** The state folder had a log before this start. */
  readonly restored: boolean
  /** Traffic addresses; of the agents that were started first, or of those named. */
  targets(agents?: readonly string[]): Target[]
  /** `control`, `nats`, `eu-1.platform`, `eu-1-a`, and below agents `eu-1-a.pilot`, `eu-1-a.worker-0`. */
  pid(name: string): number | null
  /** Kills that one process, SIGKILL. */
  kill(name: string): Promise<void>
  /** Kills a process and all that it has started, SIGKILL. */
  killAll(name: string): Promise<void>
  stopOne(name: string): Promise<void>
  /** Starts a stopped process again, with `env` added for this run, and waits until it is ready. */
  startOne(name: string, env?: Readonly<Record<string, string>>): Promise<void>
  /** From its next start on the process runs from this folder of sources; null: this version's. */
  useSource(name: string, folder: string | null): void
  logFile(name: string): string
  /** Runs `control <command>` on the fleet's state folder, to its end. */
  runControl(command: 'backup' | 'restore' | 'recover', ...args: string[]): Promise<void>
  stop(): Promise<void>
}

const startWithinMs = 30_000
/** The first time, its server is built from source. */
const natsWithinMs = 600_000
const stopWithinMs = 10_000

export class PortsTaken extends Error {
  override readonly name = 'PortsTaken'
}

export interface FleetWatcher {
  /** Told what is being started, when it takes long. */
  readonly say?: (line: string) => void
  /** A process ended without having been told to. */
  readonly onDeath?: (name: string, how: string) => void
}

export async function startFleet(plan: FleetPlan, watcher: FleetWatcher = {}): Promise<Fleet> {
  const state = resolve(plan.stateFolder)
  for (const folder of ['logs', 'agents', 'platforms']) {
    mkdirSync(join(state, folder), { recursive: true, mode: 0o700 })
  }
  const ports = await recordedPorts(plan, state)
  await refuseTakenPorts(ports, plan.nats)

  const agents = plan.clusters.flatMap((cluster) =>
    agentsOf(cluster, plan.agentsPerCluster).map((name) => ({ name, cluster })),
  )
  const children = new Map<string, Child>()
  const readiness = new Map<string, () => Promise<boolean>>()
  const controlUrl = `http://127.0.0.1:${ports.control}`
  const programOf = programs({ plan, state, ports, controlUrl })
  const sources = new Map<string, string>()
  const program = (name: string) => programOf(name, sources.get(name.split(' ')[0]!) ?? plan.source)

  function add(name: string, ready: () => Promise<boolean>): Child {
    const logFile = join(state, 'logs', `${name}.log`)
    const onDeath = (how: string) => watcher.onDeath?.(name, how)
    const child = createChild({ name, program: () => program(name), logFile, onDeath })
    children.set(name, child)
    readiness.set(name, ready)
    return child
  }
  const childNamed = (name: string): Child => {
    const child = children.get(name)
    if (!child) throw new Error(`no process is named ${name}: ${[...children.keys()].join(', ')}`)
    return child
  }
  async function startOne(name: string, env?: Readonly<Record<string, string>>): Promise<void> {
    const child = childNamed(name)
    child.start(env)
    const withinMs = name === 'nats' ? natsWithinMs : startWithinMs
    await untilReady(child, 'ready', readiness.get(name)!, withinMs)
  }
  async function runControl(command: string, ...more: string[]): Promise<void> {
    const name = `control ${command}`
    const { script, args } = program(name)
    const logFile = join(state, 'logs', 'control.log')
    const started = { script, args: [...args, ...more] }
    const child = createChild({ name, program: () => started, logFile })
    child.start()
    const code = await child.exitCode()
    if (code !== 0) throw new ProcessFailed(`${name} ended with ${code}.${logTail(child)}`)
  }
  async function stop(): Promise<void> {
    const front = agents.map(({ name }) => name).concat('control')
    const back = [...children.keys()].filter((name) => !front.includes(name))
    for (const names of [front, back]) {
      await Promise.all(names.map((name) => children.get(name)?.stop(stopWithinMs)))
    }
  }

  try {
    const restored = existsSync(join(state, 'control', 'log.sqlite'))
    if (plan.nats) {
      watcher.say?.('NATS (the first time, its server is built from source: about a minute)')
      add('nats', () => accepts(ports.nats))
      await startOne('nats')
    }
    if (!restored) await runControl('init')
    else if (plan.runtime === 'workers') await runControl('bundle')
    add('control', () => answers(`${controlUrl}/livez`))
    await startOne('control')
    for (const cluster of plan.clusters) {
      add(`${cluster}.platform`, () => accepts(ports.platforms[cluster]!))
    }
    await Promise.all(plan.clusters.map((cluster) => startOne(`${cluster}.platform`)))
    for (const { name } of agents) {
      add(name, () => answers(`http://127.0.0.1:${ports.agents[name]!.probe}/readyz`))
    }
    const first = agents.filter(({ name }) => !plan.later?.includes(name))
    await Promise.all(first.map(({ name }) => startOne(name)))

    const adminToken = readFileSync(join(state, 'control', 'admin.token'), 'utf8').trim()
    const fleet: Fleet = {
      plan,
      ports,
      client: createControlClient(controlUrl, adminToken),
      adminToken,
      controlUrl,
      natsUrl: plan.nats ? `nats://127.0.0.1:${ports.nats}` : null,
      agents,
      restored,
      targets: (names = first.map(({ name }) => name)) =>
        names.map((name) => ({ name, host: '127.0.0.1', port: ports.agents[name]!.listen })),
      pid: (name) => pidOf(name, children),
      async kill(name) {
        const child = children.get(name)
        if (child) return child.kill('SIGKILL')
        const pid = pidOf(name, children)
        if (pid === null) throw new Error(`${name} does not run`)
        process.kill(pid, 'SIGKILL')
        for (let n = 0; pidOf(name, children) === pid && n < 500; n++) await delay(10)
      },
      killAll: (name) => childNamed(name).killGroup(),
      stopOne: (name) => childNamed(name).stop(stopWithinMs),
      startOne,
      runControl,
      useSource: (name, folder) => void sources.set(name, folder ?? ownSource),
      logFile: (name) => childNamed(name).logFile,
      stop,
    }
    return fleet
  } catch (error) {
    await stop()
    throw error
  }
}

async function recordedPorts(plan: FleetPlan, state: string): Promise<FleetPorts> {
  const file = join(state, 'fleet.json')
  const { clusters, agentsPerCluster } = plan
  if (existsSync(file)) {
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as {
      clusters: string[]
      agentsPerCluster: number
      portBase: number | null
      ports: FleetPorts
    }
    const same =
      JSON.stringify(recorded.clusters) === JSON.stringify(clusters) &&
      recorded.agentsPerCluster === agentsPerCluster
    if (!same) {
      throw new Error(
        `${state} was made for clusters ${recorded.clusters.join(', ')} with ` +
          `${recorded.agentsPerCluster} agents each; give another --state folder for another fleet`,
      )
    }
    if (plan.portBase === undefined || plan.portBase === recorded.portBase) return recorded.ports
  }
  const ports =
    plan.portBase === undefined
      ? await freePorts(clusters, agentsPerCluster)
      : portsFromBase(plan.portBase, clusters, agentsPerCluster)
  const record = { clusters, agentsPerCluster, portBase: plan.portBase ?? null, ports }
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`)
  return ports
}

async function refuseTakenPorts(ports: FleetPorts, nats: boolean): Promise<void> {
  const taken = await occupied(ports, nats)
  if (taken.length === 0) return
  const list = taken.map(({ port, purpose }) => `  ${port} (${purpose})`).join('\n')
  throw new PortsTaken(
    `These ports are in use:\n${list}\nStop what listens there (another Switchyard?), or start with ` +
      'other ones: --port-base 17700',
  )
}

/** `eu-1-a.pilot` is the child of `eu-1-a` whose script is the pilot's. */
function pidOf(name: string, children: ReadonlyMap<string, Child>): number | null {
  const child = children.get(name)
  if (child) return child.pid
  const [owner, part] = [
    name.slice(0, name.lastIndexOf('.')),
    name.slice(name.lastIndexOf('.') + 1),
  ]
  const parent = children.get(owner)?.pid
  if (!parent) return null
  const below = descendants(parent)
  const [kind, index] = part.split('-')
  const script = kind === 'worker' ? 'worker/worker.ts' : 'pilot/pilot.ts'
  return below.filter(({ command }) => command.includes(script))[Number(index ?? 0)]?.pid ?? null
}

const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('connect', () => resolve(true)).once('connect', () => socket.destroy())
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
