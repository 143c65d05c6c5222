import { expect, it } from 'vitest'
import { type RouteObject, routeKey } from '#wire/object.ts'
import { emptyTree, treeOf, update } from '#wire/tree.ts'
import { boundedCompile } from './bounded-compile.ts'

const most = 300
const routes = (count: number): RouteObject[] =>
  Array.from({ length: count }, (_, n) => ({
    kind: 'route',
    key: routeKey('shop', `r${n}`),
    app: 'shop',
    hosts: ['shop.example'],
    matches: [],
    since: 1,
  }))
const compile = boundedCompile(
  () => null,
  () => [],
  most,
)

it('takes as many routes as the bound says and not one more, and always fewer than before', () => {
  const full = treeOf(routes(most))
  expect(compile('eu-1', full, emptyTree)).toBeNull()
  const [last] = routes(most + 1).slice(-1)
  const over = update(full, { put: [last!], remove: [] })
  expect(compile('eu-1', over, full)).toMatchObject({
    code: 'does-not-compile',
    object: last!.key,
    reason: expect.stringContaining('300 routes'),
  })
  const beyond = treeOf(routes(most + 9))
  const fewer = treeOf(routes(most + 8))
  expect(compile('eu-1', fewer, beyond), 'a log from Node that is too big').toBeNull()
})

it('counts the routes of all clusters, each once', () => {
  const [here, there] = [treeOf(routes(200)), treeOf(routes(most))]
  const beside = boundedCompile(
    () => null,
    () => [there],
    most,
  )
  expect(beside('eu-1', here, emptyTree), 'the same ones').toBeNull()
  const own = treeOf([{ ...routes(1)[0]!, key: routeKey('blog', 'r0'), app: 'blog' }])
  expect(beside('eu-1', own, emptyTree)).toMatchObject({ code: 'does-not-compile' })
})
