import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTable } from '#router/compile.ts'
import { limits } from '#wire/limits.ts'
import { positionKey, type RouteObject, routeKey, type SnapshotObject } from '#wire/object.ts'
import { emptyTree, objectsOf, treeOf, update } from '#wire/tree.ts'
import { createCompile } from './compile.ts'

const route = (app: string, name: string, more: Partial<RouteObject> = {}): RouteObject => ({
  kind: 'route',
  key: routeKey(app, name),
  app,
  hosts: [`${app}.example`],
  matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [] }],
  since: 1,
  ...more,
})
const position = (app: string, generation: number): SnapshotObject => ({
  kind: 'position',
  key: positionKey(app),
  app,
  generation,
  weights: [],
})
const withHeader = (value: string) => [
  { path: { type: 'PathPrefix' as const, value: '/' }, headers: [{ name: 'x-n', value }] },
]

describe('compiling what changed', () => {
  it(`takes ${limits.matchesPerPath} matches on one host and path, over all apps, and not one more`, () => {
    const compile = createCompile()
    let tree = emptyTree
    for (let n = 0; n <= limits.matchesPerPath; n++) {
      const one = route(`app-${n}`, 'a', {
        hosts: ['one.example'],
        matches: withHeader(`${n}`),
        since: n,
      })
      const next = update(tree, { put: [one], remove: [] })
      const fault = compile('eu-1', next, tree)
      if (n < limits.matchesPerPath) expect(fault).toBeNull()
      else expect(fault).toMatchObject({ code: 'too-many-matches', object: one.key })
      if (!fault) tree = next
    }
    const moved = route('app-3', 'a', { hosts: ['other.example'] })
    const room = update(tree, { put: [moved], remove: [] })
    expect(compile('eu-1', room, tree)).toBeNull()
    const last = route('late', 'a', { hosts: ['one.example'], matches: withHeader('late') })
    const full = update(room, { put: [last], remove: [] })
    expect(compile('eu-1', full, room)).toBeNull()
    expect(compile('eu-1', full, room), 'asked again after it was not appended').toBeNull()
  })

  it('names the object that the compiler refuses, and goes on with what was held', () => {
    const compile = createCompile()
    const held = treeOf([route('shop', 'a')])
    const bad = route('toys', 'a', {
      matches: [{ path: { type: 'Exact', value: '/a/%2e%2e/b' }, headers: [] }],
    })
    const fault = compile('eu-1', update(held, { put: [bad], remove: [] }), held)
    expect(fault).toMatchObject({ code: 'does-not-compile', object: 'route/toys/a' })
    const good = update(held, { put: [route('toys', 'a')], remove: [] })
    expect(compile('eu-1', good, held)).toBeNull()
  })

  it('counts what all routes share: methods over all hosts', () => {
    const compile = createCompile()
    let tree = emptyTree
    let fault = null
    let n = 0
    for (; n < 300 && !fault; n++) {
      const matches = [
        { path: { type: 'PathPrefix' as const, value: '/' }, method: `M${n}`, headers: [] },
      ]
      const next = update(tree, { put: [route(`app-${n}`, 'a', { matches })], remove: [] })
      fault = compile('eu-1', next, tree)
      if (!fault) tree = next
    }
    expect([fault, n]).toEqual([expect.objectContaining({ code: 'does-not-compile' }), 256])
  })

  it('agrees with compiling the whole, whatever changes (property)', () => {
    const name = fc.integer({ min: 0, max: 3 })
    const change = fc.record({
      app: name,
      route: name,
      host: name,
      matches: fc.integer({ min: 0, max: 40 }),
      remove: fc.boolean(),
      move: fc.boolean(),
      refused: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const compile = createCompile()
        let tree = emptyTree
        changes.forEach((one, since) => {
          const app = `app-${one.app}`
          const key = routeKey(app, `r${one.route}`)
          const matches = Array.from(
            { length: one.matches },
            (_, n) => withHeader(`${since}-${n}`)[0]!,
          )
          const put: SnapshotObject[] = one.remove
            ? []
            : [route(app, `r${one.route}`, { hosts: [`h${one.host}.example`], matches, since })]
          if (one.move) put.push(position(app, since))
          const next = update(tree, { put, remove: one.remove ? [key] : [] })
          const whole = compileTable(objectsOf(next))
          const fault = compile('eu-1', next, tree)
          expect(fault === null).toBe(whole.ok)
          if (!fault && !one.refused) tree = next
        })
      }),
      { numRuns: 100 },
    )
  })
})
