/**
 * What a lab's namespaces are furnished with before its parts start: a network with the node's address, and
 * places of its own for everything that containerd, kubelet and runc write outside of their own folders.
 */
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outputOf } from './command.ts'
import type { Namespaces } from './namespaces.ts'
import type { LabPlan } from './plan.ts'

/** The node's own address lies on it; pods hang on the bridge of the network plugin. */
export const nodeDevice = 'node0'

/** Overlays on overlays do not work: inside a container the images live in memory. */
const overlayMagic = 0x794c7630

/**
 * What a kubelet sets for the whole machine. In the lab these are files of the lab's own, so that the machine
 * keeps its settings.
 */
const machineSettings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

export async function furnish(
  namespaces: Namespaces,
  plan: LabPlan,
  folder: string,
): Promise<void> {
  const mounts = plan.nodes ? privatePlaces(folder) : []
  const script = [
    `hostname ${plan.name}`,
    ...mounts,
    'ip link set lo up',
    `ip link add ${nodeDevice} type bridge`,
    `ip address add ${plan.nodeAddress}/32 dev ${nodeDevice}`,
    `ip link set ${nodeDevice} up`,
    `ip route add default dev ${nodeDevice} src ${plan.nodeAddress}`,
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
  ].join('\n')
  const child = namespaces.run('sh', ['-e', '-c', script])
  await outputOf(child, 'furnishing the namespaces of the lab', { withinMs: 20_000 })
}

function privatePlaces(folder: string): string[] {
  const settings = join(folder, 'settings')
  const own = machineSettings.filter((name) => existsSync(`/proc/sys/${name}`))
  for (const name of own) {
    mkdirSync(join(settings, name, '..'), { recursive: true })
    writeFileSync(join(settings, name), readFileSync(`/proc/sys/${name}`))
  }
  const containerd = join(folder, 'containerd')
  mkdirSync(containerd)
  const onOverlay = statfsSync(folder).type === overlayMagic
  return [
    ...['/run', '/var/lib', '/var/log'].map((at) => `mount -t tmpfs -o mode=755 tmpfs ${at}`),
    ...(onOverlay ? [`mount -t tmpfs tmpfs ${containerd}`] : []),
    ...own.map((name) => `mount --bind ${join(settings, name)} /proc/sys/${name}`),
  ]
}
