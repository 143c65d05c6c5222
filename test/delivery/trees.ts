/** Trees and publications for the delivery tests: small objects in many buckets, and a log of them. */
import type { Epoch } from '#wire/header.ts'
import { backendKey, type SnapshotObject } from '#wire/object.ts'
import { emptyTree, type Tree, update } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'

export const firstEpoch: Epoch = { number: 1, id: '00000000000000aa' }

/** Object `n` at a value: two values have two digests. */
export function object(n: number, value: number): SnapshotObject {
  const release = `app-${n}-r1`
  return {
    kind: 'backend',
    key: backendKey(release),
    app: `app-${n}`,
    release,
    version: `0.0.${value}`,
    platform: 'static',
  }
}

export const withObjects = (tree: Tree, values: Readonly<Record<number, number>>): Tree =>
  update(tree, {
    put: Object.entries(values).map(([n, value]) => object(Number(n), value)),
    remove: [],
  })

export const withoutObject = (tree: Tree, n: number): Tree =>
  update(tree, { put: [], remove: [object(n, 0).key] })

/** `count` objects, all at one value. */
export const manyObjects = (count: number, value: number): Tree =>
  update(emptyTree, {
    put: Array.from({ length: count }, (_, n) => object(n, value)),
    remove: [],
  })

/** What control's log says of one cluster; grows by `next`. */
export function createHistory(start: Tree = emptyTree, epoch: Epoch = firstEpoch) {
  const publications: Publication[] = [{ epoch, revision: 1, format: 1, tree: start }]
  return {
    newest: (): Publication => publications.at(-1)!,
    next(change: (tree: Tree) => Tree): Publication {
      const { revision, tree } = publications.at(-1)!
      publications.push({ epoch, revision: revision + 1, format: 1, tree: change(tree) })
      return publications.at(-1)!
    },
    /** The digest at a revision; a reader may hold nothing else. */
    digestAt: (revision: number): string | undefined =>
      publications.find((one) => one.revision === revision)?.tree.root,
  }
}

/** A small seeded generator (mulberry32): the same seed, the same run. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
