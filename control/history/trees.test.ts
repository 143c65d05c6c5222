import { expect, it } from 'vitest'
import { type Tree, treeOf } from '#wire/tree.ts'
import { createKeptTrees, keptObjectsMax, keptTreesMax } from './trees.ts'

const tree = (n: number, objectCount = 1): Tree => ({ ...treeOf([]), root: `${n}`, objectCount })

it('as many trees are kept as may be, and the one not used for longest goes', () => {
  const trees = createKeptTrees()
  for (let n = 0; n < keptTreesMax; n++) trees.keep(tree(n))
  expect(trees.get('0')).toBeDefined()
  trees.keep(tree(keptTreesMax))
  expect(trees.get('0')).toBeDefined()
  expect(trees.get('1')).toBeUndefined()
})

it('their objects are bounded together, and one that is too big is not kept', () => {
  const trees = createKeptTrees()
  trees.keep(tree(1, keptObjectsMax - 1))
  trees.keep(tree(2, 1))
  expect([trees.get('1'), trees.get('2')]).not.toContain(undefined)
  trees.keep(tree(3, 1))
  expect(trees.get('1')).toBeUndefined()
  expect(trees.get('3')).toBeDefined()
  trees.keep(tree(4, keptObjectsMax + 1))
  expect(trees.get('4')).toBeUndefined()
  expect(trees.get('3')).toBeDefined()
})
