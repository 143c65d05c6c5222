/**
 * Why a request goes where it goes, by the agents' own WASM bytes and the reference beside them. A big
 * snapshot is narrowed to the routes of the request's host: others cannot decide, and would hold up turns.
 */
import { canonicalHost } from '#router/canonical.ts'
import { createExplainer, type Explained } from '#router/explain.ts'
import type { PlainRequest } from '#router/reference.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'

export type Explain = (tree: Tree, request: PlainRequest) => Explained

/** Up to here the whole is compiled: about 50 ms. */
const wholeObjectsMax = 5_000

export function createExplain(wasm: () => Uint8Array | WebAssembly.Module): Explain {
  let explainer: ReturnType<typeof createExplainer> | null = null
  let kept: { readonly root: string; readonly objects: readonly SnapshotObject[] } | null = null
  return (tree, request) => {
    explainer ??= createExplainer(wasm())
    if (tree.objectCount > wholeObjectsMax) {
      return explainer.explain(narrowed(tree, request.host), request)
    }
    if (kept?.root !== tree.root) kept = { root: tree.root, objects: [...objectsOf(tree)] }
    return explainer.explain(kept.objects, request)
  }
}

function narrowed(tree: Tree, authority: string): SnapshotObject[] {
  const host = canonicalHost(authority) ?? ''
  const mayCover = (pattern: string) =>
    pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)))
  return [...objectsOf(tree)].filter(
    (object) => object.kind !== 'route' || object.hosts.some(mayCover),
  )
}
