/**
 * Why a request goes where it goes, by the agents' own WASM bytes and the reference beside them. A big
 * snapshot, and one of the past, is narrowed to the routes of the request's host and what they lead to:
 * nothing else can decide, and compiling it would hold up turns.
 */
import { canonicalHost } from '#router/canonical.ts'
import { createExplainer, type Explained } from '#router/explain.ts'
import type { PlainRequest } from '#router/reference.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'

/** `isNewest`: it will be asked for again, so the whole is compiled once. */
export type Explain = (tree: Tree, request: PlainRequest, isNewest: boolean) => Explained

/** Up to here the whole is compiled: about 50 ms. */
const wholeObjectsMax = 5_000

export function createExplain(wasm: () => Uint8Array | WebAssembly.Module): Explain {
  let module: WebAssembly.Module | null = null
  let explainer: ReturnType<typeof createExplainer> | null = null
  let kept: { readonly root: string; readonly objects: readonly SnapshotObject[] } | null = null
  return (tree, request, isNewest) => {
    module ??= moduleOf(wasm())
    if (!isNewest || tree.objectCount > wholeObjectsMax) {
      return createExplainer(module).explain(narrowed(tree, request.host), request)
    }
    explainer ??= createExplainer(module)
    if (kept?.root !== tree.root) kept = { root: tree.root, objects: [...objectsOf(tree)] }
    return explainer.explain(kept.objects, request)
  }
}

const moduleOf = (wasm: Uint8Array | WebAssembly.Module) =>
  wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm as BufferSource)

function narrowed(tree: Tree, authority: string): SnapshotObject[] {
  const host = canonicalHost(authority) ?? ''
  const mayCover = (pattern: string) =>
    pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)))
  const all = [...objectsOf(tree)]
  const routes = all.filter((one) => one.kind === 'route' && one.hosts.some(mayCover))
  const apps = new Set(routes.flatMap((one) => (one.kind === 'route' ? one.app : [])))
  const leadTo = all.filter(
    (one) => one.kind === 'keys' || (one.kind !== 'route' && apps.has(one.app)),
  )
  return [...routes, ...leadTo]
}
