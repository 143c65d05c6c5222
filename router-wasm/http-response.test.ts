/** Every rule of a response head, whole and in pieces. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import { type ResponseCase, responseCases } from './http-response.cases.ts'
import * as at from './layout.ts'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

const word = (offset: number) => grammar.word(at.RESPONSE + offset)

function answer(one: ResponseCase, text: string, poison?: string): number {
  const end = grammar.lay(text, poison)
  const flags = one.requestFlags ?? at.REQ_FLAG_KEEP_ALIVE
  return grammar.response(input, end, output, flags, one.minor ?? 1, 0)
}

describe('a response head', () => {
  for (const one of responseCases) {
    test(`row ${one.row}: ${one.name}`, () => {
      const result = answer(one, one.head)
      if (one.writes === null) {
        expect(result).toBe(-502)
        return
      }
      expect(result).toBe(one.head.length)
      expect(word(at.RES_HEAD_BYTES)).toBe(one.head.length)
      const written = grammar.text(output, word(at.RES_OUT_BYTES))
      const expected = one.writes.length === 0 ? [''] : [...one.writes, '', '']
      expect(written.split('\r\n')).toEqual(expected)
      if (one.body !== undefined) expect(word(at.RES_BODY)).toBe(one.body)
      if (one.outBody !== undefined) expect(word(at.RES_OUT_BODY)).toBe(one.outBody)
      if (one.flags !== undefined) expect(word(at.RES_FLAGS)).toBe(one.flags)
      if (one.length !== undefined) {
        const low = word(at.RES_LENGTH_LOW) >>> 0
        expect(word(at.RES_LENGTH_HIGH) * 2 ** 32 + low).toBe(one.length)
      }
    })
  }
})

describe('a response head in pieces', () => {
  const poisons = ['A', '\r\n\r\n', ': ', ' 200 OK\r\n']
  for (const one of responseCases) {
    test(`row ${one.row}: ${one.name}`, () => {
      const whole = answer(one, one.head)
      let certain = 0
      for (let n = 0; n <= one.head.length; n += one.head.length > 2000 && n > 300 ? 89 : 1) {
        for (const poison of poisons) {
          const result = answer(one, one.head.slice(0, n), poison)
          const allowed =
            n === one.head.length ? [whole] : certain ? [certain] : [0, Math.min(whole, 0)]
          if (!allowed.includes(result)) {
            expect.fail(`${n} bytes before ${JSON.stringify(poison)}: ${result}, whole ${whole}`)
          }
          certain = result
        }
      }
      expect(answer(one, `${one.head}HTTP/1.1 200 OK\r\n`)).toBe(whole)
    })
  }
})

describe('row 54: Date', () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
  const one: ResponseCase = { row: 54, name: '', head: '', writes: null }
  const writtenFor = (head: string) => {
    expect(answer(one, head)).toBe(head.length)
    return grammar.text(output, word(at.RES_OUT_BYTES))
  }

  test('is added where the backend sent none, and only there', () => {
    grammar.setDate(date)
    expect(writtenFor('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')).toBe(
      `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: ${date}\r\n\r\n`,
    )
    const own = 'HTTP/1.1 204 No Content\r\nDate: Mon, 07 Nov 1994 08:49:37 GMT\r\n\r\n'
    expect(writtenFor(own)).toBe(own)
    expect(writtenFor('HTTP/1.1 100 Continue\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    grammar.clearSettings()
  })
})
