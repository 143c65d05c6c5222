/**
 * Routes with filters of every kind, many in one table: the policy that the router gives for a request is the
 * one of its route, through compiler, encoder, verifier and matcher, and responses are changed by it.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RouteFilters, Timeouts } from '#wire/filter.ts'
import { limits } from '#wire/limits.ts'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { exact, live, position, route } from './objects.cases.ts'
import { createRouter } from './router.ts'

const wasm = readFileSync(new URL('./build/router.wasm', import.meta.url))
const seed = Number(process.env.FUZZ_SEED ?? 20_261_126)

const ms = fc.option(fc.integer({ min: 1, max: limits.routeTimeoutMs }), { nil: undefined })
const times = ['requestMs', 'backendRequestMs', 'connectMs', 'idleMs', 'tunnelIdleMs'] as const
const timeouts = fc.tuple(...times.map(() => ms)).map((all): Timeouts | undefined => {
  const said = times.flatMap((name, n) => (all[n] ? [[name, all[n]] as const] : []))
  return said.length > 0 ? Object.fromEntries(said) : undefined
})
const value = fc.string({ unit: fc.constantFrom(...'ab1;='), maxLength: 40 })
const headers = fc.option(
  fc.record({
    set: fc
      .array(value, { maxLength: 3 })
      .map((all) => all.map((text, n) => ({ name: `x-s${n}`, value: text }))),
    add: fc
      .array(value, { maxLength: 3 })
      .map((all) => all.map((text, n) => ({ name: `x-a${n}`, value: text }))),
    remove: fc.subarray(['x-r0', 'x-r1']),
  }),
  { nil: undefined },
)
const loadBalance = fc.constantFrom<RouteFilters['loadBalance'][]>(
  undefined,
  undefined,
  { type: 'round-robin' },
  { type: 'random' },
  { type: 'path' },
  { type: 'client-address' },
  { type: 'header', header: 'x-user' },
)
const filters: fc.Arbitrary<RouteFilters> = fc.record({
  requestHeaders: headers,
  responseHeaders: headers,
  timeouts,
  loadBalance,
})

const answer = 'HTTP/1.1 200 OK\r\nX-R0: a\r\nX-S0: b\r\nX-A0: c\r\nContent-Length: 0\r\n\r\n'

/** Lines of the answer as the route leaves them. */
function expectedLines({ responseHeaders: changes }: RouteFilters): string[] {
  const gone = [...(changes?.set ?? []).map(({ name }) => name), ...(changes?.remove ?? [])]
  const stay = ['X-R0: a', 'X-S0: b', 'X-A0: c'].filter(
    (line) => !gone.includes(line.split(':')[0]!.toLowerCase()),
  )
  const come = [...(changes?.set ?? []), ...(changes?.add ?? [])].map((field) =>
    field.value === '' ? `${field.name}:` : `${field.name}: ${field.value}`,
  )
  return ['HTTP/1.1 200 OK', ...stay, 'Content-Length: 0', ...come, '', '']
}

test('each request has the policy of its route', () => {
  const router = createRouter({ wasm, zones: 2, tableBytes: 0x20000 })
  router.setPositions([position('shop', 1, { 'shop-r1': 1 })])
  router.setEndpoints('shop-r1', [{ address: '10.0.0.1', port: 80 }])
  const word = (offset: number) => router.words[offset >> 2]!
  const [start, out] = [router.zone(0), router.zone(1)]
  const lay = (text: string) => {
    router.memory.set(Buffer.from(text, 'latin1'), start)
    return start + text.length
  }
  fc.assert(
    fc.property(fc.array(filters, { minLength: 1, maxLength: 12 }), (all) => {
      const routes = all.map((one, n) => route(`r${n}`, [exact(`/${n}`)], one as object))
      const compiled = compileTable([...live, ...routes])
      if (!compiled.ok) throw new Error(compiled.reason)
      expect(router.loadTable(compiled.bytes)).toBe(null)
      for (const [n, one] of all.entries()) {
        const head = `GET /${n} HTTP/1.1\r\nHost: shop.example\r\n\r\n`
        expect(router.request(start, lay(head), out)).toBe(head.length)
        router.release(word(at.VERDICT + at.VERDICT_SLOT))
        const offset = word(at.VERDICT + at.VERDICT_POLICY)
        const asks = one.timeouts || one.responseHeaders || one.loadBalance
        expect(offset !== 0).toBe(asks !== undefined)
        const policy = offset === 0 ? null : router.policy(offset)
        for (const name of times) expect(policy?.[name] ?? 0).toBe(one.timeouts?.[name] ?? 0)
        const laid = policy?.response ? router.layPolicy(policy.response) : 0
        const used = router.response(start, lay(answer), out, at.REQ_FLAG_KEEP_ALIVE, 1, laid)
        expect(used).toBe(answer.length)
        const bytes = word(at.RESPONSE + at.RES_OUT_BYTES)
        const written = Buffer.from(router.memory.slice(out, out + bytes)).toString('latin1')
        expect(written.split('\r\n')).toEqual(expectedLines(one))
      }
    }),
    { seed, numRuns: 200 },
  )
})
