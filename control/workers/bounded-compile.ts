/**
 * How much a Durable Object takes on: what it knows must fit into its memory, so a change
 * that adds routes beyond the bound is refused before anything is appended. What is there stays, and can
 * always be made smaller. A route that several clusters have counts once: it is one object in memory.
 */
import { difference, objectsOf, type Tree } from '#wire/tree.ts'
import type { Compile } from '../domain/decide.ts'

/** `test/edge/memory.test.ts` has them in a heap of half the platform's memory. */
export const routesMax = 20_000

/** `othersOf`: the trees of all clusters but one. */
export const boundedCompile =
  (compile: Compile, othersOf: (cluster: string) => readonly Tree[], most = routesMax): Compile =>
  (cluster, after, before) => {
    const others = othersOf(cluster)
    const objectCount = others.reduce((sum, tree) => sum + tree.objectCount, after.objectCount)
    if (
      objectCount > most &&
      routesIn([after, ...others]) > Math.max(most, routesIn([before, ...others]))
    ) {
      return {
        code: 'does-not-compile',
        object: difference(before, after).put[0]?.key ?? cluster,
        reason: `control on Workers takes ${most} routes, for the memory of its object; Node takes more`,
      }
    }
    return compile(cluster, after, before)
  }

function routesIn(trees: readonly Tree[]): number {
  const keys = new Set<string>()
  for (const tree of trees) {
    for (const object of objectsOf(tree)) if (object.kind === 'route') keys.add(object.key)
  }
  return keys.size
}
