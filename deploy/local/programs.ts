/**
 * How each process of a local fleet is started: script and flags, the same that an operator would type.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FleetPlan } from './fleet.ts'
import { natsFiles } from './nats.ts'
import type { FleetPorts } from './ports.ts'

export interface Program {
  readonly script: string
  readonly args: readonly string[]
}

interface Place {
  readonly plan: FleetPlan
  readonly state: string
  readonly ports: FleetPorts
  readonly controlUrl: string
}

/** Where this version's own sources are. */
export const ownSource = resolve(import.meta.dirname, '../..')
const local = (port: number) => `127.0.0.1:${port}`

/**
 * Of a name: `nats`, `control`, `control <command>`, `eu-1.platform` or an agent's; from `source`, the
 * folder of this or of a former version.
 */
export function programs({ plan, state, ports, controlUrl }: Place) {
  const controlState = join(state, 'control')
  const clusterFlags = plan.clusters.flatMap((cluster) => ['--cluster', cluster])
  const natsFlags = plan.nats ? ['--nats', `nats://${local(ports.nats)}`] : []
  const natsUsers = plan.nats ? ['--nats-credentials', join(state, natsFiles.credentials)] : []

  return (name: string, source = ownSource): Program => {
    /** Former versions do not know the flag. */
    const logFlags = source === ownSource ? ['--log-format', plan.logFormat ?? 'text'] : []
    const script = (file: string, ...args: string[]): Program => ({
      script: join(file.startsWith('deploy/') ? ownSource : source, file),
      args,
    })
    const control = plan.runtime === 'workers' ? 'deploy/edge/control.ts' : 'control/main.ts'
    if (name === 'control init') {
      return script(control, 'init', '--state', controlState, ...clusterFlags)
    }
    if (name === 'nats') {
      const port = String(ports.nats)
      return script('deploy/local/nats.ts', '--state', state, '--port', port, ...clusterFlags)
    }
    if (name.startsWith('control ')) {
      return script(control, name.slice('control '.length), '--state', controlState)
    }
    if (name === 'control') {
      const flags = ['--listen', local(ports.control), ...natsFlags, ...natsUsers, ...logFlags]
      return script(control, 'start', '--state', controlState, ...flags)
    }
    if (name.endsWith('.platform')) {
      const flags = platform(name.slice(0, -'.platform'.length))
      return script('agent/platform/local/cluster.ts', ...flags, ...logFlags)
    }
    return script('agent/main.ts', ...agent(name), ...logFlags)
  }

  function platform(cluster: string): string[] {
    const folder = join(state, 'platforms', cluster)
    const runs = Object.entries(plan.programs).flatMap(([program, file]) => [
      '--program',
      `${program}=${file}`,
    ])
    const listen = local(ports.platforms[cluster]!)
    return ['--cluster', cluster, '--listen', listen, '--state', folder, ...runs]
  }

  function agent(name: string): string[] {
    const cluster = plan.clusters.find((one) => name.startsWith(`${one}-`))!
    const token = readFileSync(join(controlState, `enrol-${cluster}.token`), 'utf8').trim()
    const { listen, probe, admin } = ports.agents[name]!
    return [
      ...['--cluster', cluster, '--name', name, '--enrol', `${controlUrl}/#${token}`],
      ...['--state', join(state, 'agents', name)],
      ...['--listen', local(listen), '--probe', local(probe), '--admin', local(admin)],
      ...['--workers', String(plan.workersPerAgent)],
      ...['--platform', `local:http://${local(ports.platforms[cluster]!)}`],
      ...natsFlags,
    ]
  }
}
