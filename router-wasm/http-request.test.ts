/** Every rule of a request head, whole and in pieces. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import type { RequestCase } from './http-case.ts'
import { requestCases } from './http-request.cases.ts'
import * as at from './layout.ts'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

const scan = (text: string, poison?: string) =>
  grammar.scanRequest(input, grammar.lay(text, poison))
const request = (offset: number) => grammar.word(at.REQUEST + offset)
const canonicalHost = () => grammar.text(request(at.REQ_HOST_OFFSET), request(at.REQ_HOST_BYTES))

function check(one: RequestCase): void {
  const result = scan(one.head)
  if (one.answer !== undefined) {
    expect(result).toBe(-one.answer)
    expect(request(at.REQ_MAY_CONTINUE)).toBe(one.mayContinue ? 1 : 0)
    if (one.mayContinue) expect(request(at.REQ_HEAD_BYTES)).toBe(one.head.length)
    return
  }
  expect(result).toBe(one.head.length)
  expect(request(at.REQ_HEAD_BYTES)).toBe(one.head.length)
  if (one.flags !== undefined) expect(request(at.REQ_FLAGS)).toBe(one.flags)
  if (one.body !== undefined) expect(request(at.REQ_BODY)).toBe(one.body)
  if (one.host !== undefined) expect(canonicalHost()).toBe(one.host)
  if (one.length !== undefined) {
    const low = request(at.REQ_LENGTH_LOW) >>> 0
    expect(request(at.REQ_LENGTH_HIGH) * 2 ** 32 + low).toBe(one.length)
  }
  const bytes = grammar.writeRequestHead(output, -1)
  expect(grammar.text(output, bytes).split('\r\n')).toEqual([...one.forwards!, '', ''])
}

describe('a request head', () => {
  for (const one of requestCases) test(`row ${one.row}: ${one.name}`, () => check(one))
})

/** All lengths of a short head; of a long one the first and last, and every 97th. */
function* prefixes(length: number): Generator<number> {
  for (let n = 0; n <= length; n++) {
    if (length < 2000 || n < 300 || n > length - 300 || n % 97 === 0) yield n
  }
}

describe('a request head in pieces', () => {
  const poisons = ['A', '\r\n\r\n', ': ', ' HTTP/1.1\r\n', '\xff']
  for (const one of requestCases) {
    test(`row ${one.row}: ${one.name}`, () => {
      const whole = scan(one.head)
      let certain = 0
      for (const n of prefixes(one.head.length)) {
        for (const poison of poisons) {
          const result = scan(one.head.slice(0, n), poison)
          // Nothing until it is certain, then the verdict of the whole, for good.
          const allowed =
            n === one.head.length ? [whole] : certain ? [certain] : [0, Math.min(whole, 0)]
          if (!allowed.includes(result)) {
            expect.fail(`${n} bytes before ${JSON.stringify(poison)}: ${result}, whole ${whole}`)
          }
          certain = result
        }
      }
      expect(certain).toBe(whole)
      const followed = scan(`${one.head}GET /next HTTP/1.1\r\n`)
      expect(followed).toBe(whole)
    })
  }
})

describe('what the host writes into a request head', () => {
  test('Via says the version that was received, forwarding what the socket says', () => {
    grammar.setVia('switchyard')
    grammar.setClient('::ffff:10.1.2.3')
    const bytes = scan('GET / HTTP/1.0\r\nHost: A.example:81\r\nVia: 1.1 x\r\n\r\n')
    expect(bytes).toBeGreaterThan(0)
    expect(grammar.text(output, grammar.writeRequestHead(output, -1))).toBe(
      'GET / HTTP/1.1\r\nHost: A.example:81\r\nVia: 1.1 x\r\nVia: 1.0 switchyard\r\n' +
        'X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n' +
        'X-Real-IP: 10.1.2.3\r\nX-Forwarded-Host: A.example:81\r\n\r\n',
    )
    grammar.clearSettings()
  })

  test('row 55: a request that came through here more than four times is a loop', () => {
    grammar.setVia('switchyard')
    const head = (via: string) => `GET / HTTP/1.1\r\nHost: a\r\nVia: ${via}\r\n\r\n`
    const own = (count: number) => Array(count).fill('1.1 switchyard').join(', ')
    expect(scan(head(own(4)))).toBeGreaterThan(0)
    expect(scan(head(own(5)))).toBe(-508)
    expect(request(at.REQ_MAY_CONTINUE)).toBe(1)
    expect(scan(head(`${own(4)}, 1.1 switchyard-eu, 1.1 xswitchyard`))).toBeGreaterThan(0)
    expect(scan(head(`${own(4)}\r\nVia: 1.0 switchyard (x)`))).toBe(-508)
    grammar.clearSettings()
  })

  test('row 40: a nominated name cannot take away what we add', () => {
    grammar.setClient('10.1.2.3')
    for (const name of ['X-Forwarded-For', 'X-Real-IP', 'X-Forwarded-Host']) {
      expect(scan(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${name}\r\n\r\n`)).toBe(-400)
    }
    grammar.clearSettings()
  })
})
