/**
 * The control groups of a lab's containers: in each hierarchy of the kernel one folder for each, named by its id,
 * empty once it has ended. containerd removes those of containers that end while it runs.
 */
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

/** Those of containers that this lab's containerd has begun, as far as they are there. */
export const containerGroups = (folder: string): string[] =>
  hierarchies()
    .flatMap((hierarchy) => idsIn(folder).map((id) => join(hierarchy, containers, id)))
    .filter((group) => existsSync(group))

function idsIn(folder: string): string[] {
  const tasks = join(folder, 'containerd/io.containerd.runtime.v2.task', containers)
  return existsSync(tasks) ? readdirSync(tasks) : []
}

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
export async function removeContainerGroups(folder: string): Promise<void> {
  const deadline = performance.now() + emptyWithinMs
  for (const group of containerGroups(folder)) {
    while (!(await removeTree(group)) && performance.now() < deadline) await delay(20)
  }
  // The one above goes with the last lab.
  for (const hierarchy of hierarchies()) await rmdir(join(hierarchy, containers)).catch(() => {})
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
