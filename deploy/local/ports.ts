/**
 * Which port belongs to whom in a local fleet. With a base the numbers can be remembered; without one,
 * free ports are looked for once. Either way the fleet records them in its state folder, so that a
 * second start finds every part where it was.
 *
 *   base          control            base + 100·c            platform of cluster c (from 1)
 *   base + 1      NATS               base + 100·c + a        traffic of agent a (from 1)
 *                                    base + 100·c + 20 + a   its probes, + 40 its admin
 */
import { freePortsFrom, freePortsTo, isFree } from '../../agent/free-port.ts'

export interface AgentPorts {
  readonly listen: number
  readonly probe: number
  readonly admin: number
}

export interface FleetPorts {
  readonly control: number
  readonly nats: number
  /** By cluster. */
  readonly platforms: Readonly<Record<string, number>>
  /** By agent name. */
  readonly agents: Readonly<Record<string, AgentPorts>>
}

/** Names of the agents of each cluster: `eu-1-a`, `eu-1-b`, … */
export const agentsOf = (cluster: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${cluster}-${String.fromCharCode(97 + n)}`)

export const agentsPerClusterMax = 19

export function portsFromBase(
  base: number,
  clusters: readonly string[],
  agentsPerCluster: number,
): FleetPorts {
  const platforms: Record<string, number> = {}
  const agents: Record<string, AgentPorts> = {}
  clusters.forEach((cluster, c) => {
    const first = base + 100 * (c + 1)
    platforms[cluster] = first
    agentsOf(cluster, agentsPerCluster).forEach((agent, a) => {
      const listen = first + a + 1
      agents[agent] = { listen, probe: listen + 20, admin: listen + 40 }
    })
  })
  return { control: base, nats: base + 1, platforms, agents }
}

/** A base whose ports are all free now. `random` gives numbers in [0, 1). */
export async function freePorts(
  clusters: readonly string[],
  agentsPerCluster: number,
  random: () => number = Math.random,
): Promise<FleetPorts> {
  const span = 100 * (clusters.length + 1)
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = freePortsFrom + Math.floor(random() * (freePortsTo - freePortsFrom - span))
    const ports = portsFromBase(base, clusters, agentsPerCluster)
    if ((await occupied(ports)).length === 0) return ports
  }
  throw new Error('no free range of ports found; something on this machine holds very many')
}

/** Ports of `ports` that somebody listens on, and what they are meant for. */
export async function occupied(
  ports: FleetPorts,
  nats = true,
): Promise<readonly { readonly port: number; readonly purpose: string }[]> {
  const wanted = [
    { port: ports.control, purpose: 'control' },
    ...(nats ? [{ port: ports.nats, purpose: 'NATS' }] : []),
    ...Object.entries(ports.platforms).map(([cluster, port]) => ({
      port,
      purpose: `the platform of ${cluster}`,
    })),
    ...Object.entries(ports.agents).flatMap(([agent, { listen, probe, admin }]) => [
      { port: listen, purpose: `traffic of ${agent}` },
      { port: probe, purpose: `probes of ${agent}` },
      { port: admin, purpose: `admin of ${agent}` },
    ]),
  ]
  const free = await Promise.all(wanted.map(({ port }) => isFree(port)))
  return wanted.filter((_, n) => !free[n])
}
