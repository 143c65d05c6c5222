/**
 * How much a Durable Object takes on: what it knows must fit into its memory, so a change
 * that adds routes beyond the bound is refused before anything is appended. What is there stays, and can
 * always be made smaller.
 */
import { difference, objectsOf, type Tree } from '#wire/tree.ts'
import type { Compile } from '../domain/decide.ts'

export const routesMax = 20_000

export const boundedCompile =
  (compile: Compile, most = routesMax): Compile =>
  (cluster, after, before) => {
    if (after.objectCount > most && routesIn(after) > Math.max(most, routesIn(before))) {
      return {
        code: 'does-not-compile',
        object: difference(before, after).put[0]?.key ?? cluster,
        reason: `control on Workers takes ${most} routes a cluster, for the memory of its object; Node takes more`,
      }
    }
    return compile(cluster, after, before)
  }

function routesIn(tree: Tree): number {
  let count = 0
  for (const object of objectsOf(tree)) if (object.kind === 'route') count++
  return count
}
