/**
 * Joins two labs: a link of ours between their networks, and on each side the routes to the other's node and
 * pods. Service addresses stay each cluster's own. The link goes when one of the two ends.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { LabRecord } from './lab-folder.ts'
import { enterArguments } from './namespaces.ts'
import { addressIn } from './plan.ts'
import type { Cluster } from './start-cluster.ts'

const run = promisify(execFile)
const withinMs = 20_000

export type Joinable = Pick<LabRecord, 'name' | 'pid' | 'podCidr' | 'serviceCidr' | 'nodeAddress'>

export const joinable = ({ plan, pid }: Cluster): Joinable => ({ ...plan, pid })

/** The link between two labs, which can be cut without either seeing it: packets vanish on their way. */
export interface Link {
  cut(): Promise<void>
  mend(): Promise<void>
}

export async function joinClusters(one: Cluster, other: Cluster): Promise<Link> {
  await joinLabs(joinable(one), joinable(other))
  return linkOf(joinable(one), joinable(other))
}

/** Throws a sentence when an address would mean two things. */
export async function joinLabs(one: Joinable, other: Joinable): Promise<void> {
  const conflict = conflictOf(one, other)
  if (conflict) throw new Error(conflict)
  // Made right in the two networks: the machine's own never sees it.
  await run(
    'ip',
    [
      ...['link', 'add', deviceTo(other), 'netns', String(one.pid), 'type', 'veth'],
      ...['peer', 'name', deviceTo(one), 'netns', String(other.pid)],
    ],
    { timeout: withinMs },
  )
  await routeTo(other, one)
  await routeTo(one, other)
}

function linkOf(near: Joinable, far: Joinable): Link {
  const inside = async (...script: readonly string[]) => {
    const args = [...enterArguments(near.pid), '--', 'sh', '-e', '-c', script.join('\n')]
    await run('nsenter', args, { timeout: withinMs })
  }
  const device = deviceTo(far)
  return {
    cut: () =>
      inside(
        `nft add table inet ${cutTable}`,
        ...[
          ['prerouting', 'iifname'],
          ['postrouting', 'oifname'],
        ].flatMap(([hook, name]) => [
          `nft 'add chain inet ${cutTable} ${hook} { type filter hook ${hook} priority raw; }'`,
          `nft add rule inet ${cutTable} ${hook} ${name} ${device} drop`,
        ]),
      ),
    mend: () => inside(`nft delete table inet ${cutTable}`),
  }
}

const cutTable = 'switchyard-cut'

export const deviceTo = ({ name }: Pick<Joinable, 'name'>): string => `to-${name}`

/** The far node answers for its own address on any of its devices, so the link needs none. */
async function routeTo(far: Joinable, near: Joinable): Promise<void> {
  const device = deviceTo(far)
  const script = [
    `ip link set ${device} up`,
    `ip route replace ${far.nodeAddress}/32 dev ${device} src ${near.nodeAddress}`,
    `ip route replace ${networkOf(far.podCidr)} via ${far.nodeAddress} dev ${device} onlink src ${near.nodeAddress}`,
  ].join('\n')
  const args = [...enterArguments(near.pid), '--', 'sh', '-e', '-c', script]
  await run('nsenter', args, { timeout: withinMs })
}

/** What both would call their own; null when nothing is. */
export function conflictOf(one: Joinable, other: Joinable): string | null {
  const labs = `labs ${one.name} and ${other.name}`
  if (one.name === other.name) return `${labs} cannot be joined: give one another name`
  if (overlap(one.podCidr, other.podCidr)) {
    return `${labs} cannot be joined: their pods share addresses (${one.podCidr}, ${other.podCidr}); start one with another pod range`
  }
  if (one.nodeAddress === other.nodeAddress) {
    return `${labs} cannot be joined: both nodes are ${one.nodeAddress}; start one with another node address`
  }
  for (const [node, range] of [
    [one, other],
    [other, one],
  ] as const) {
    for (const taken of [range.podCidr, range.serviceCidr]) {
      if (overlap(`${node.nodeAddress}/32`, taken)) {
        return `${labs} cannot be joined: node ${node.nodeAddress} lies in ${taken} of ${range.name}; start one with other addresses`
      }
    }
  }
  return null
}

function overlap(one: string, other: string): boolean {
  const bits = Math.min(Number(one.split('/')[1]), Number(other.split('/')[1]))
  return numberOf(one, bits) === numberOf(other, bits)
}

/** The first `bits` of an address as a number. */
function numberOf(range: string, bits: number): number {
  const bytes = range.split('/')[0]!.split('.').map(Number)
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return Math.floor(number / 2 ** (32 - bits))
}

/** A route wants the bits behind the range to be zero. */
function networkOf(range: string): string {
  const bits = Number(range.split('/')[1])
  const first = numberOf(range, bits) * 2 ** (32 - bits)
  return `${addressIn('0.0.0.0/0', first)}/${bits}`
}
