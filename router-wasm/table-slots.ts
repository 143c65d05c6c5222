/**
 * The two hash tables of a table: hosts, and nodes by host and path. Open addressing under a seed with which
 * no entry lies far from its slot. The seed comes from the content: the same objects make the same bytes,
 * and who would choose paths that collide has to know all other routes.
 */
import type { Plan } from './plan.ts'
import { finish, hashText } from './table-hash.ts'
import type { Image } from './table-image.ts'
import * as at from './table-layout.ts'

/** Seeds that are tried before the slots are doubled. */
const attemptsPerSize = 4

/** Appends both and returns the words of the header that name them. */
export function writeSlots(
  image: Image,
  plan: Plan,
  hostOffsets: ReadonlyMap<string, number>,
  nodeOffsets: readonly number[],
): [word: number, value: number][] {
  const base = seedOf(plan)
  for (let attempt = 0; ; attempt++) {
    const seed = (base + Math.imul(attempt, 0x9e3779b1)) >>> 0
    // Load between 1/3 and 2/3; doubled when a few seeds do not help.
    const factor = 1.5 * 2 ** Math.floor(attempt / attemptsPerSize)
    const hostHashes = plan.hosts.map((host) => finish(hashText(seed, host), 0))
    const pathHashes = plan.nodes.map(({ host, path }) =>
      finish(hashText(seed, path), hostOffsets.get(host)!),
    )
    const hosts = place(hostHashes, factor)
    const paths = place(pathHashes, factor)
    if (hosts === null || paths === null) continue

    const hostSlots = new Uint32Array(hosts.length * 2)
    hosts.forEach((entry, slot) => {
      if (entry < 0) return
      hostSlots[slot * 2] = hostHashes[entry]!
      hostSlots[slot * 2 + 1] = hostOffsets.get(plan.hosts[entry]!)!
    })
    const pathSlots = new Uint32Array(paths.length)
    paths.forEach((entry, slot) => {
      if (entry < 0) return
      const tag = pathHashes[entry]! & ~at.NODE_OFFSET_MASK
      pathSlots[slot] = tag | (nodeOffsets[entry]! >> at.NODE_ALIGN_BITS)
    })
    return [
      [at.TABLE_SEED, seed],
      [at.TABLE_HOST_SLOTS, image.append(hostSlots)],
      [at.TABLE_HOST_MASK, hosts.length - 1],
      [at.TABLE_PATH_SLOTS, image.append(pathSlots)],
      [at.TABLE_PATH_MASK, paths.length - 1],
    ]
  }
}

/** Entry of each slot, -1 for none; null when one would lie PROBES_MAX slots or more from its own. */
function place(hashes: readonly number[], factor: number): Int32Array | null {
  const count = 2 ** Math.max(3, Math.ceil(Math.log2(hashes.length * factor + 1)))
  const slots = new Int32Array(count).fill(-1)
  for (let entry = 0; entry < hashes.length; entry++) {
    let slot = hashes[entry]! & (count - 1)
    let probes = 1
    for (; slots[slot] !== -1; probes++) {
      if (probes === at.PROBES_MAX) return null
      slot = (slot + 1) & (count - 1)
    }
    slots[slot] = entry
  }
  return slots
}

function seedOf(plan: Plan): number {
  let hash = 1
  for (const host of plan.hosts) hash = hashText(hash, host)
  for (const node of plan.nodes) hash = hashText(hash, node.path)
  return hash
}
