/** Whatever annotations there are: each one that is not done is named, in Events and in the API, within bounds. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import { one, onPath, web } from './intent.fixture.ts'
import { notesOf } from './told.ts'

const ours = ['haproxy.org', 'haproxy.com', 'ingress.kubernetes.io']
const others = ['nginx.ingress.kubernetes.io', 'traefik.ingress.kubernetes.io']
/** With a value that is done, and with one that is not. */
const known: Readonly<Record<string, readonly [done: string, notDone: string]>> = {
  'load-balance': ['source', 'first'],
  'timeout-server': ['5s', 'soon'],
  'timeout-connect': ['250ms', '0'],
  'path-rewrite': ['/x', 'a b c'],
  'set-host': ['a.example', '*.example'],
  'request-set-header': ['X-A b', 'X-A %[date]'],
  'response-set-header': ['X-A b', 'Connection close\nLonely\nX-é %[date]'],
  'ssl-redirect': ['false', 'true'],
  'forwarded-for': ['true', 'false'],
}
/** A name is up to 63 characters (Kubernetes), and some are those of every object in JavaScript. */
const unknown = fc.oneof(
  fc.constantFrom(
    'constructor',
    'hasOwnProperty',
    'toString',
    'valueOf',
    'auth-type',
    'allow-list',
  ),
  fc.stringMatching(/^[a-z][a-z0-9._-]{0,61}[a-z0-9]$/),
)

interface Asked {
  readonly key: string
  readonly value: string
  readonly isDone: boolean
}
const valued = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...ours),
      fc.constantFrom(...Object.keys(known)),
      fc.constantFrom('done', 'not', 'empty'),
    )
    .map(([prefix, name, how]): Asked => {
      const value = how === 'empty' ? '' : known[name]![how === 'done' ? 0 : 1]
      return { key: `${prefix}/${name}`, value, isDone: how === 'done' }
    }),
  fc
    .tuple(
      fc.constantFrom(...ours, ...others),
      unknown.filter((name) => !Object.hasOwn(known, name)),
      fc.constantFrom('', ' ', 'x', '€'.repeat(500)),
    )
    .map(([prefix, name, value]): Asked => ({ key: `${prefix}/${name}`, value, isDone: false })),
)
/** Few, about as many as are told in full, and far more. */
const sets = fc
  .oneof(
    fc.array(valued, { maxLength: 8 }),
    fc.array(valued, { minLength: 50, maxLength: 90 }),
    fc.array(valued, { minLength: 500, maxLength: 900 }),
  )
  .map((all) => [...new Map(all.map((asked) => [asked.key, asked])).values()])

/** Of several prefixes with a value one counts: the others are not done. */
function namesNotDone(asked: readonly Asked[]): string[] {
  const counting = new Set<string>()
  return asked
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .filter(({ key, value, isDone }) => {
      const name = key.slice(key.indexOf('/'))
      if (value.trim() === '' || counting.has(name) || others.some((o) => key.startsWith(o))) {
        return true
      }
      counting.add(name)
      return !isDone
    })
    .map(({ key }) => key)
}

/** As a whole word: `haproxy.org/a` is not named by `haproxy.org/a-b`. */
const namedIn = (texts: readonly string[]): ReadonlySet<string> =>
  new Set(texts.flatMap((text) => text.match(/[a-z.]+\/[A-Za-z0-9._-]*[A-Za-z0-9]/g) ?? []))

describe('an annotation that is not done', () => {
  const annotated = (asked: readonly Asked[]) =>
    Object.fromEntries(asked.map(({ key, value }) => [key, value]))

  test('of an Ingress is named in the API and in Events', () => {
    fc.assert(
      fc.property(sets, (asked) => {
        const { warnings } = one(onPath('/'), annotated(asked))
        const notes = notesOf(warnings)
        for (const texts of [warnings, notes]) {
          const named = namedIn(texts)
          expect(namesNotDone(asked).filter((name) => !named.has(name))).toEqual([])
        }
        for (const note of notes) expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024)
      }),
      { numRuns: 60 },
    )
  })

  test('of a Service is named with the Service', () => {
    const onService = sets.map((all) => all.filter(({ key }) => !/path|set-h|-header/.test(key)))
    fc.assert(
      fc.property(onService, (asked) => {
        const annotations = annotated(asked)
        const service = { ...web, metadata: { ...web.metadata, annotations } }
        const { warnings } = one(onPath('/'), {}, [service])
        const named = namedIn(warnings)
        expect(namesNotDone(asked).filter((name) => !named.has(name))).toEqual([])
        expect(warnings.every((text) => text.startsWith('Service web: '))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('is named when there are as many as Kubernetes takes on one object', () => {
    // 262,144 bytes of keys and values, and the shortest keys that we read.
    const count = Math.floor(262_144 / 'nginx.org/abc'.length)
    const keys = Array.from({ length: count }, (_, n) => `nginx.org/${n.toString(36)}`)
    const { warnings } = one(onPath('/'), Object.fromEntries(keys.map((key) => [key, ''])))
    const named = namedIn(notesOf(warnings))
    expect(keys.filter((key) => !named.has(key))).toEqual([])
  })

  test('is told with its reason while all fit, with others in one sentence beyond that', () => {
    const asked = (count: number) =>
      one(
        onPath('/'),
        Object.fromEntries(Array.from({ length: count }, (_, n) => [`haproxy.org/n${n}`, 'x'])),
      ).warnings
    expect(asked(64)).toHaveLength(64)
    expect(asked(64)[0]).toBe('haproxy.org/n0 is not done.')
    expect(asked(65)).toEqual([
      expect.stringMatching(/^haproxy\.org\/n0, haproxy\.org\/n1, .* not done\.$/),
      expect.stringMatching(/^haproxy\.org\/n\d+, .* not done\.$/),
    ])
  })

  test('that keeps people out says so, however many there are', () => {
    const keys = Array.from({ length: 70 }, (_, n) => `haproxy.org/auth-${'x'.repeat(40)}${n}`)
    const { routes, warnings } = one(onPath('/'), Object.fromEntries(keys.map((key) => [key, 'x'])))
    expect(routes).toEqual([])
    expect(warnings.length).toBeGreaterThan(1)
    for (const text of warnings) expect(text).toMatch(/no request is let in by this Ingress\.$/)
  })
})

test('more names than control takes: that there are more is said', () => {
  const spec = (count: number) => {
    const paths = Array.from(
      { length: count },
      (_, n) =>
        `{ path: /${n}, pathType: Prefix, backend: { service: { name: s${n}, port: { number: 80 } } } }`,
    )
    return `{ rules: [{ host: a.example, http: { paths: [${paths}] } }] }`
  }
  const annotations = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`haproxy.org/${'x'.repeat(55)}${n}`, 'x']),
  )
  const services = Array.from({ length: 200 }, (_, n) => ({
    ...web,
    metadata: { ...web.metadata, name: `s${n}`, annotations },
  }))
  const { warnings } = one(spec(200), {}, services)
  expect(warnings).toHaveLength(limits.warningsPerIngress)
  expect(warnings.at(-1)).toMatch(/^More is not done/)
})

test('a note holds as many sentences as fit by bytes, and cuts no character', () => {
  const long = '€'.repeat(342)
  expect(notesOf(['a.', 'b.', long, 'c.'])).toEqual(['a. b.', `${'€'.repeat(340)}…`, 'c.'])
})
