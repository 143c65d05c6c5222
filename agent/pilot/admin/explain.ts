/**
 * Explain as this agent would act: the routes it holds, the positions it has applied, by the same WASM
 * that its workers run, and at the end what control cannot know: the endpoints the request could go to.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createExplainer, type Explainer } from '#router/explain.ts'
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { Progress } from '../convergence.ts'
import { type Pods, placed } from '../endpoints/placed.ts'
import type { Positions } from '../positions.ts'
import { BadRequest } from './admin.ts'

const request = z.strictObject({
  method: z.string().max(32).default('GET'),
  host: z.string().max(limits.hostnameChars + 6),
  path: z.string().max(8_192).default('/'),
  headers: z
    .array(z.strictObject({ name: z.string().max(128), value: z.string().max(8_192) }))
    .max(128)
    .default([]),
})

export function createExplainHere(
  progress: () => Progress,
  pods: () => Pods = () => new Map(),
): (body: unknown) => unknown {
  let explainer: Explainer | null = null
  let known: { tree: Tree; applied: Positions; objects: readonly SnapshotObject[] } | null = null

  function objects({ tree, applied }: { tree: Tree; applied: Positions }) {
    if (known?.tree !== tree || known.applied !== applied) {
      known = { tree, applied, objects: [...asApplied(tree, applied)] }
    }
    return known.objects
  }

  return (body) => {
    const parsed = request.safeParse(body)
    if (!parsed.success) throw new BadRequest(z.prettifyError(parsed.error))
    const { held, applied, served } = progress()
    if (!held) throw new BadRequest('this agent has no snapshot yet')
    explainer ??= createExplainer(readWasm())
    const explained = explainer.explain(objects({ tree: held.tree, applied }), parsed.data)
    if (!explained.ok) return explained
    const releases = explained.explanation.destination?.releases ?? []
    const known = pods()
    const candidates = releases.map(({ release }) => [
      release,
      placed(served[release] ?? [], known),
    ])
    return { ...explained.explanation, endpoints: Object.fromEntries(candidates) }
  }
}

const readWasm = () =>
  readFileSync(new URL('../../../router-wasm/build/router.wasm', import.meta.url))

/** What the workers serve: positions as applied, which may be behind the held ones. */
function* asApplied(tree: Tree, applied: Positions): Generator<SnapshotObject> {
  for (const object of objectsOf(tree)) {
    if (object.kind !== 'position') yield object
    else {
      const position = applied.get(object.app)
      const { generation, weights } = position ?? { generation: 0, weights: [] }
      yield {
        kind: 'position',
        key: object.key,
        app: object.app,
        generation,
        weights: [...weights],
      }
    }
  }
}
