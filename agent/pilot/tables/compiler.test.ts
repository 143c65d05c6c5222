import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileTable } from '#router/compile.ts'
import { sha256Hex } from '#wire/sha256.ts'
import type { Sealed } from '#wire/signature.ts'
import { objectsOf, type Tree, update } from '#wire/tree.ts'
import { loadSnapshot } from '../disk/last-known-good.ts'
import { announce, backend, createSigner, headerOf, route, shop, until } from '../fleet.fixture.ts'
import { type CompileOutcome, type Compiler, createCompiler } from './compiler.ts'

const first = shop(1, 'shop-r1')
const withOther = update(first, { put: [route('other'), backend('other-r1')], remove: [] })

let folder: string
let compiler: Compiler
let outcomes: CompileOutcome[]
let header: Sealed

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-compile-'))
  outcomes = []
  header = (await announce(await createSigner(), headerOf(first))).header
  open()
})
afterEach(async () => {
  await compiler.stop()
  rmSync(folder, { recursive: true })
})

function open(script?: URL): void {
  compiler = createCompiler(folder, (outcome) => outcomes.push(outcome), script)
}
const outcome = (count: number) => until(`outcome ${count}`, () => outcomes[count - 1], 10_000)
const tableOf = async (tree: Tree) => {
  compiler.compile(tree, header)
  const { result } = await outcome(outcomes.length + 1)
  if ('refused' in result) throw new Error(result.refused)
  return result.table
}

describe('the compile thread', () => {
  it('writes the very bytes that the compiler makes, under their digest, with their names', async () => {
    const table = await tableOf(first)
    const made = compileTable(objectsOf(first))
    const bytes = readFileSync(table.file)
    expect(made.ok && bytes.equals(made.bytes)).toBe(true)
    expect(table).toMatchObject({ digest: sha256Hex(bytes), apps: ['shop'] })
    expect([...table.releases].sort()).toEqual(['shop-r1', 'shop-r2'])
  })

  it('follows changes of the tree, also those that take objects away', async () => {
    const before = await tableOf(first)
    const more = await tableOf(withOther)
    expect([...more.apps].sort()).toEqual(['other', 'shop'])
    expect((await tableOf(first)).digest).toBe(before.digest)
  })

  it('makes the same table when only a position has moved', async () => {
    expect((await tableOf(first)).digest).toBe((await tableOf(shop(9, 'shop-r2'))).digest)
  })

  it('keeps the objects on disk once their table is served', async () => {
    const { digest } = await tableOf(withOther)
    expect(loadSnapshot(folder, () => {})).toBe(null)
    compiler.keep()
    const kept = await until('the snapshot', () => loadSnapshot(folder, () => {}))
    expect(kept).toMatchObject({ header, table: digest })
    expect(kept.objects).toHaveLength(withOther.objectCount)
  })

  it('compiles only the newest of the trees that wait', async () => {
    compiler.compile(first, header)
    for (let n = 2; n < 10; n++) compiler.compile(shop(n, 'shop-r1'), header)
    compiler.compile(withOther, header)
    await until('the newest', () => outcomes.at(-1)?.tree === withOther, 10_000)
    expect(outcomes).toHaveLength(2)
    expect(compiler.busy()).toBe(false)
  })

  it('names the object that does not compile, and compiles the next tree', async () => {
    const many = Array.from({ length: 65 }, (_, n) => ({
      ...route('shop'),
      key: `route/shop/r${n}`,
    })) as Parameters<typeof update>[1]['put']
    compiler.compile(update(first, { put: many, remove: [] }), header)
    const { result } = await outcome(1)
    expect('refused' in result && result.refused).toMatch(/^route\/shop\/\S+: \d+ matches share/)
    await tableOf(first)
  })

  it('says that its thread died, and starts another for the next tree', async () => {
    const broken = join(folder, 'broken.mjs')
    writeFileSync(broken, "throw new Error('out of luck')")
    open(pathToFileURL(broken))
    compiler.compile(first, header)
    const { result } = await outcome(1)
    expect('refused' in result && result.refused).toContain('out of luck')
    const real = new URL('./compile-thread.ts', import.meta.url)
    writeFileSync(broken, `import ${JSON.stringify(real.href)}`)
    await tableOf(first)
  })
})
