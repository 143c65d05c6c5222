/** The control groups of a lab's containers: one folder in each hierarchy of the kernel, empty once all have ended. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const root = '/sys/fs/cgroup'
const emptyWithinMs = 5_000

/** One folder on a machine with version 2; one for each controller with version 1. */
function hierarchies(): string[] {
  if (!existsSync(root)) return []
  if (existsSync(join(root, 'cgroup.controllers'))) return [root]
  return readdirSync(root).map((name) => join(root, name))
}

export const controlGroupFolders = (group: string): string[] =>
  hierarchies()
    .map((hierarchy) => join(hierarchy, group))
    .filter((folder) => existsSync(folder))

/** Where containerd puts the containers of all labs. */
const containers = 'k8s.io'
/** Their share of a busy machine's processor is that of so many of its processes; by itself it is that of one. */
const likeProcesses = 16

export function weighContainers(): void {
  const isVersion2 = existsSync(join(root, 'cgroup.controllers'))
  const [file, ofOne] = isVersion2 ? ['cpu.weight', 100] : ['cpu.shares', 1_024]
  for (const hierarchy of hierarchies()) {
    if (!isVersion2 && !existsSync(join(hierarchy, file))) continue
    const folder = join(hierarchy, containers)
    mkdirSync(folder, { recursive: true })
    const setting = join(folder, file)
    if (existsSync(setting)) writeFileSync(setting, String(ofOne * likeProcesses))
  }
}

/** Deepest first. The kernel lets a group go a moment after its last process has ended. */
export async function removeControlGroups(group: string): Promise<void> {
  const deadline = performance.now() + emptyWithinMs
  for (const folder of controlGroupFolders(group)) {
    while (!(await removeTree(folder)) && performance.now() < deadline) await delay(20)
  }
}

async function removeTree(folder: string): Promise<boolean> {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeTree(join(folder, entry.name))
    }
    await rmdir(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}
