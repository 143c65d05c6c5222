/** The trees of the past that were looked at last: who looks back looks again. Bounded by their objects. */
import type { Tree } from '#wire/tree.ts'

/** About 1 KiB an object. */
export const keptObjectsMax = 50_000
export const keptTreesMax = 64

export function createKeptTrees() {
  /** By digest, the one that was used longest ago first. */
  const kept = new Map<string, Tree>()
  let objectCount = 0
  return {
    get(digest: string): Tree | undefined {
      const tree = kept.get(digest)
      if (tree) {
        kept.delete(digest)
        kept.set(digest, tree)
      }
      return tree
    },
    keep(tree: Tree): Tree {
      if (tree.objectCount > keptObjectsMax || kept.has(tree.root)) return tree
      kept.set(tree.root, tree)
      objectCount += tree.objectCount
      for (const [digest, oldest] of kept) {
        if (objectCount <= keptObjectsMax && kept.size <= keptTreesMax) break
        kept.delete(digest)
        objectCount -= oldest.objectCount
      }
      return tree
    },
  }
}
