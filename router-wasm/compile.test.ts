/** What compiles, what does not and why, and that the bytes depend on the objects alone. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { compileTable } from './compile.ts'
import { APP_COUNT_MAX, SLOT_COUNT_MAX } from './layout.ts'
import { matchIdentity } from './match-identity.ts'
import { backend, exact, live, position, prefix, route } from './objects.cases.ts'
import { createImage } from './table-image.ts'
import * as table from './table-layout.ts'

const bytesOf = (objects: readonly SnapshotObject[]): Uint8Array => {
  const compiled = compileTable(objects)
  if (!compiled.ok) throw new Error(compiled.reason)
  return compiled.bytes
}
const many = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    route(`r${n}`, [prefix(`/service-${n}/api/v1`)], { app: `app-${n % 100}`, since: n }),
  )

test('the same objects in any order make the same bytes', () => {
  const objects = [...live, ...many(50), route('x', [exact('/x', { method: 'GET' }), prefix('/y')])]
  const expected = bytesOf(objects)
  fc.assert(
    fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
      expect(bytesOf(shuffled)).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})

test('positions and workloads do not change the bytes', () => {
  const objects = [...live, route('a')]
  expect(bytesOf([...objects, position('other', 9, { 'shop-r1': 1 })])).toEqual(bytesOf(objects))
  expect(bytesOf([route('a'), backend('shop-r1')])).toEqual(bytesOf(objects))
})

test('other objects make another seed', () => {
  const seed = (objects: SnapshotObject[]) =>
    new DataView(bytesOf(objects).buffer as ArrayBuffer).getUint32(table.TABLE_SEED, true)
  expect(seed(many(3))).not.toBe(seed(many(4)))
})

test('10,000 routes take at most 128 bytes each', () => {
  expect(bytesOf(many(10_000)).length / 10_000).toBeLessThanOrEqual(128)
})

test('a refusal names the object and says why', () => {
  const refused = (...objects: SnapshotObject[]) => {
    const compiled = compileTable(objects)
    return compiled.ok ? null : `${compiled.code} ${compiled.key}: ${compiled.reason}`
  }
  expect(refused(route('a'), route('a'))).toBe(
    'does-not-compile route/shop/a: two routes have this key',
  )
  expect(refused(route('a', [prefix('/a'), prefix('/x/%2e%2e/y')]))).toBe(
    'does-not-compile route/shop/a: matches/1/path: /x/%2e%2e/y is not allowed',
  )
  const rewrite = { path: { type: 'ReplaceFullPath' as const, value: '/x/%2e' } }
  expect(refused(route('a', undefined, { rewrite }))).toBe(
    'does-not-compile route/shop/a: the path of the rewrite is not allowed',
  )
})

test(`${limits.matchesPerPath} matches may share a host and path, and no more`, () => {
  const same = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      route(`r${n}`, [n % 2 ? exact('/a') : prefix('/a/')], { since: 100 - n }),
    )
  expect(compileTable(same(limits.matchesPerPath)).ok).toBe(true)
  // The youngest is at fault.
  expect(compileTable(same(limits.matchesPerPath + 1))).toEqual({
    ok: false,
    code: 'too-many-matches',
    key: 'route/shop/r0',
    reason: '65 matches share shop.example/a; at most 64 may',
  })
})

test('255 methods compile, and no more', () => {
  const methods = (count: number) =>
    Array.from({ length: count }, (_, n) => route(`r${n}`, [exact(`/${n}`, { method: `M${n}` })]))
  expect(compileTable(methods(table.METHOD_COUNT_MAX)).ok).toBe(true)
  const refused = compileTable(methods(table.METHOD_COUNT_MAX + 1))
  expect(refused).toMatchObject({ ok: false, reason: 'more than 255 different methods' })
})

test(`${APP_COUNT_MAX} apps compile, and no more`, () => {
  const apps = (count: number) =>
    Array.from({ length: count }, (_, n) => route(`r${n}`, [exact(`/${n}`)], { app: `app-${n}` }))
  expect(compileTable(apps(APP_COUNT_MAX)).ok).toBe(true)
  expect(compileTable(apps(APP_COUNT_MAX + 1)).ok).toBe(false)
})

test('an image holds as many bytes as it may, and no more', () => {
  const filled = (bytes: number) => {
    const image = createImage(70_000)
    image.reserve(bytes)
    image.text('')
    return image.bytes()?.length ?? null
  }
  expect(filled(70_000)).toBe(70_000)
  expect(filled(70_001)).toBe(null)
})

test('a preview of a release without a backend is a warning', () => {
  const compiled = compileTable([route('a', undefined, { release: 'shop-r7' })])
  expect(compiled).toMatchObject({
    ok: true,
    warnings: [{ key: 'route/shop/a', reason: 'there is no backend for shop-r7' }],
  })
})

test('matches that accept the same requests have the same identity', () => {
  const one = prefix('/c', {
    headers: [
      { name: 'x-a', value: '1' },
      { name: 'x-b', value: '2' },
    ],
  })
  const other = prefix('/c/', {
    headers: [
      { name: 'X-B', value: '2' },
      { name: 'x-a', value: '1' },
    ],
  })
  expect(matchIdentity(one)).toBe(matchIdentity(other))
  const different = [prefix('/a'), exact('/a'), prefix('/a', { method: 'GET' }), prefix('/b'), one]
  expect(new Set(different.map(matchIdentity)).size).toBe(different.length)
})

test('what a table is held to are the limits of the wire', () => {
  expect(table.MATCHES_PER_PATH_MAX).toBe(limits.matchesPerPath)
  expect(table.CONDITIONS_PER_MATCH_MAX).toBe(2 * limits.headersPerMatch)
  expect(table.HEADER_NAME_BYTES_MAX).toBe(limits.headerNameChars)
  expect(table.HEADER_VALUE_BYTES_MAX).toBe(limits.headerValueChars)
  expect(table.PATH_VALUE_BYTES_MAX).toBe(limits.pathValueChars)
  expect(table.NAME_TEXT_BYTES_MAX).toBe(limits.serviceIdChars)
  expect(table.CHANGE_COUNT_MAX).toBe(3 * limits.headerChangesPerRoute)
  expect(APP_COUNT_MAX).toBe(limits.apps)
  expect(SLOT_COUNT_MAX).toBe(limits.endpointsPerAgent)
})
