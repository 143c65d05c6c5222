/**
 * Mutated messages, seeded: nothing traps, nothing is read or written where it must not be, more bytes
 * never change a verdict, and whatever is accepted is written in the canonical form, which is accepted
 * again and written as the same bytes.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { type Grammar, input, layPolicy, loadGrammar, output } from './grammar-harness.ts'
import { readChunked, readHead, valuesOf } from './http-oracle.ts'
import { requestCases } from './http-request.cases.ts'
import { responseCases } from './http-response.cases.ts'
import * as at from './layout.ts'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_123)
const roundsMs = Number(process.env.FUZZ_MS ?? 1_500)

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

/** mulberry32: small, seeded, good enough to pick mutations. */
function random(state: number): (below: number) => number {
  let a = state >>> 0
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const pieces = [
  '\r\n', '\n', '\r', ' ', '\t', ':', '\0', '\x7f', '\xff', '%', '%2e', '%2F', '..', '/', '//', '?', '#', '*', '@', ',', ';', '"',
  'chunked', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: b\r\n', 'Connection: x-a, close\r\n', 'X-A: 1\r\n',
  'Upgrade: websocket\r\n', 'HTTP/1.0', 'HTTP/1.1', '0', '1', 'x'.repeat(40), 'Expect: 100-continue\r\n', '\r\n\r\n', 'a_b: c\r\n',
  ':\r\n', 'A:\r\n', '5;a="b"\r\nhello\r\n', '0\r\n\r\n', '[::1]', 'ffffffffffffffff',
] // biome-ignore format: a list

function mutate(corpus: readonly string[], pick: (below: number) => number): string {
  let text = corpus[pick(corpus.length)]!
  for (let rounds = pick(4); rounds >= 0; rounds--) {
    const from = pick(text.length + 1)
    const to = Math.min(text.length, from + pick(pick(8) === 0 ? 64 : 4))
    const kind = pick(6)
    if (kind === 0) text = text.slice(0, from) + text.slice(to)
    else if (kind === 1)
      text = text.slice(0, from) + pieces[pick(pieces.length)]! + text.slice(from)
    else if (kind === 2)
      text = text.slice(0, from) + String.fromCharCode(pick(256)) + text.slice(from + 1)
    else if (kind === 3) text = text.slice(0, to) + text.slice(from)
    else if (kind === 4) text = text.slice(0, from) + corpus[pick(corpus.length)]!.slice(pick(80))
    else text = text.slice(0, from) + pieces[pick(pieces.length)]! + text.slice(to)
  }
  return text
}

/** Runs rounds until the time is up; a failure names seed, round and input. */
function fuzz(
  corpus: readonly string[],
  round: (text: string, pick: (below: number) => number) => boolean,
) {
  const pick = random(seed)
  const short = corpus.filter((text) => text.length < 1500)
  let accepted = 0
  let rounds = 0
  for (const endMs = performance.now() + roundsMs; performance.now() < endMs; rounds++) {
    const text = mutate(short, pick)
    try {
      if (round(text, pick)) accepted++
    } catch (cause) {
      throw new Error(`seed ${seed}, round ${rounds}: ${JSON.stringify(text)}: ${cause}`, { cause })
    }
  }
  grammar.checkGuard()
  expect(rounds).toBeGreaterThan(1_000)
  expect(accepted).toBeGreaterThan(rounds / 100)
}

const must = (condition: boolean, sentence: string) => {
  if (!condition) throw new Error(sentence)
}

/** A cut message says nothing, or what the whole says. */
function checkCut(
  text: string,
  whole: number,
  pick: (below: number) => number,
  scan: (text: string) => number,
) {
  const cut = scan(text.slice(0, pick(text.length + 1)))
  must(cut === 0 || cut === whole, `cut: ${cut}, whole: ${whole}`)
}

describe('mutated', () => {
  test('requests', () => {
    grammar.guard()
    const scan = (text: string) => grammar.scanRequest(input, grammar.lay(text, '\r\n'))
    fuzz(
      requestCases.map((one) => one.head),
      (text, pick) => {
        const head = scan(text)
        must(head <= text.length, 'consumed too much')
        checkCut(text, head, pick, scan)
        if (scan(text) <= 0) return false
        const bytes = grammar.writeRequestHead(output, -1)
        must(bytes <= head + 512, `wrote ${bytes}`)
        const written = grammar.text(output, bytes)
        const { fields } = readHead(written, 'request')
        // What one hop counts down, a 1.0 request without a host, and a head that our fields bring over 100.
        if (
          fields.some(
            ([name, value]) => /^max-forwards$/i.test(name) || (value === '' && name === 'Host'),
          )
        )
          return true
        if (fields.length > at.HEAD_FIELDS_MAX) return true
        must(scan(written) === bytes, 'what was written is not accepted')
        must(
          grammar.text(output, grammar.writeRequestHead(output, -1)) === written,
          'not a fixed point',
        )
        return true
      },
    )
  })

  test('responses', () => {
    grammar.guard()
    const word = (offset: number) => grammar.word(at.RESPONSE + offset)
    const corpus = responseCases.map((one) => one.head)
    const changes = { set: [{ name: 'x-0', value: 'ours' }], remove: ['set-cookie'] }
    fuzz(corpus, (text, pick) => {
      const flags = [0, 1, 1, 1, at.REQ_FLAG_HEAD | 1, at.REQ_FLAG_UPGRADE | 1][pick(6)]!
      const minor = pick(4) === 0 ? 0 : 1
      // A route that sets and removes: written once or twice, it is the same.
      const policy = pick(2) === 0 ? 0 : layPolicy(grammar, changes)
      const scan = (part: string) =>
        grammar.response(input, grammar.lay(part, '\r\n'), output, flags, minor, policy)
      const head = scan(text)
      must(head <= text.length && (head >= 0 || head === -502), `returned ${head}`)
      checkCut(text, head, pick, scan)
      if (scan(text) <= 0) return false
      const written = grammar.text(output, word(at.RES_OUT_BYTES))
      must(written.length <= head + 512, `wrote ${written.length}`)
      if (written === '') return true
      const { fields } = readHead(written, 'response')
      if (fields.length > at.HEAD_FIELDS_MAX) return true
      const isFinal = word(at.RES_STATUS) >= 200 || word(at.RES_STATUS) === 101
      if (policy !== 0 && isFinal) {
        must(valuesOf(fields, 'x-0').join() === 'ours', 'not set')
        must(valuesOf(fields, 'set-cookie').length === 0, 'not removed')
      }
      const status = word(at.RES_STATUS)
      must(scan(written) === written.length, 'what was written is not accepted')
      must(word(at.RES_STATUS) === status, 'another status')
      if (minor === 1)
        must(grammar.text(output, word(at.RES_OUT_BYTES)) === written, 'not a fixed point')
      return true
    })
  })

  test('chunked bodies, judged by another reader', () => {
    grammar.guard()
    const word = (offset: number) => grammar.word(at.CHUNK + offset)
    const decode = (parts: readonly string[]) => {
      for (let i = 0; i < at.CHUNK_STATE_WORDS; i++) grammar.setWord(at.CHUNK + 4 * i, 0)
      let payload = ''
      let bytes = 0
      for (const part of parts) {
        const end = grammar.lay(part, '0\r\n')
        const consumed = grammar.chunk(input, end, output, 4096, at.CHUNK_FLAG_PLAIN)
        if (consumed < 0) return 'bad'
        must(consumed <= part.length, 'consumed too much')
        payload += grammar.text(output, word(at.CHUNK_OUT_BYTES))
        bytes += consumed
        if (word(at.CHUNK_ENDED) === 1) return { payload, bytes }
        must(consumed === part.length, 'stopped without a reason')
      }
      return 'more'
    }
    const corpus = [
      '5\r\nhello\r\n0\r\n\r\n', '5;a="b\\"c"\r\nhello\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n', 'a;x;y=z\r\n0123456789\r\n00\r\nA:\r\nB: c\r\n\r\nGET /',
    ] // biome-ignore format: a list
    fuzz(corpus, (text, pick) => {
      const whole = decode([text])
      const cut = pick(text.length + 1)
      const split = decode([text.slice(0, cut), text.slice(cut)])
      must(
        JSON.stringify(split) === JSON.stringify(whole),
        `split at ${cut}: ${JSON.stringify(split)}`,
      )
      const other = readChunked(text)
      // The other reader does not know early that a cut line cannot become good.
      if (typeof other === 'object')
        must(JSON.stringify(other) === JSON.stringify(whole), 'readers disagree')
      else must(typeof whole === 'string', 'accepted what the other reader refuses')
      return typeof whole === 'object'
    })
  })
})
