/** Chunked bodies: every rule of their grammar, whole and at every split, decoded by an independent reader. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import * as at from './layout.ts'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

const word = (offset: number) => grammar.word(at.CHUNK + offset)
const reset = () => {
  for (let i = 0; i < at.CHUNK_STATE_WORDS; i++) grammar.setWord(at.CHUNK + 4 * i, 0)
}
beforeEach(() => reset())

interface Outcome {
  readonly error: boolean
  readonly ended: boolean
  readonly consumed: number
  readonly out: string
  readonly payloadBytes: number
}

/** Feeds pieces one after another, each until it is consumed or the message ends. */
function feed(pieces: readonly string[], flags = 0, outBytes = at.OUT_HEAD_BYTES_MAX): Outcome {
  reset()
  let out = ''
  let consumed = 0
  let payloadBytes = 0
  for (const piece of pieces) {
    const end = grammar.lay(piece, '0\r\n\r\n')
    let start = input
    while (start < end) {
      const bytes = grammar.chunk(start, end, output, outBytes, flags)
      if (bytes < 0) return { error: true, ended: false, consumed, out, payloadBytes }
      if (bytes > end - start) throw new Error('consumed more than there is')
      const produced = word(at.CHUNK_OUT_BYTES)
      if (produced > Math.min(outBytes, bytes + at.CHUNK_OUT_EXTRA_BYTES))
        throw new Error('too much')
      out += grammar.text(output, produced)
      payloadBytes += word(at.CHUNK_PAYLOAD_BYTES)
      consumed += bytes
      start += bytes
      if (word(at.CHUNK_ENDED) === 1)
        return { error: false, ended: true, consumed, out, payloadBytes }
      if (bytes === 0) throw new Error('no progress')
    }
  }
  return { error: false, ended: false, consumed, out, payloadBytes }
}

/** Reads our own chunking: lower-case hex without leading zeros, no extensions, no trailers. */
function read(text: string): { payload: string; ended: boolean } {
  let payload = ''
  let rest = text
  for (;;) {
    if (rest === '') return { payload, ended: false }
    const size = /^(0|[1-9a-f][0-9a-f]*)\r\n/.exec(rest)
    if (!size) throw new Error(`not our chunking: ${JSON.stringify(rest.slice(0, 40))}`)
    const bytes = Number.parseInt(size[1]!, 16)
    rest = rest.slice(size[0].length)
    if (rest.slice(bytes, bytes + 2) !== '\r\n') throw new Error('no line end behind a chunk')
    payload += rest.slice(0, bytes)
    rest = rest.slice(bytes + 2)
    if (bytes === 0) {
      if (rest !== '') throw new Error('bytes behind the last chunk')
      return { payload, ended: true }
    }
  }
}

const long = 'x'.repeat(5000)
const extension = (bytes: number) => `1;${'e'.repeat(bytes - 2)}\r\nx\r\n`

const accepted: readonly (readonly [number, string, string, string])[] = [
  [33, 'one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
  [33, 'several chunks', '5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n', 'hello world'],
  [33, 'capital digits and leading zeros', `000A\r\n0123456789\r\n00\r\n\r\n`, '0123456789'],
  [33, '16 digits', `${'5'.padStart(16, '0')}\r\nhello\r\n0\r\n\r\n`, 'hello'],
  [33, 'an empty body', '0\r\n\r\n', ''],
  [33, 'payload that looks like framing', '7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n\r\n'],
  [33, 'a long chunk', `1388\r\n${long}\r\n0\r\n\r\n`, long],
  [34, 'an extension', '5;a\r\nhello\r\n0\r\n\r\n', 'hello'],
  [34, 'extensions with values', '5;a=b;c="d\\" e;";f\r\nhello\r\n0;x=y\r\n\r\n', 'hello'],
  [34, 'a chunk line of 1,024 bytes', `${extension(1024)}0\r\n\r\n`, 'x'],
  [
    34,
    '16 KiB of extensions',
    `${extension(1024).repeat(16)}1;${'e'.repeat(14)}\r\nx\r\n0\r\n\r\n`,
    'x'.repeat(17),
  ],
  [35, 'trailers', '5\r\nhello\r\n0\r\nA: b\r\nContent-Length:7\r\n\r\n', 'hello'],
  [35, '100 trailers', `0\r\n${'A: b\r\n'.repeat(100)}\r\n`, ''],
  [35, 'a trailer line of 1,024 bytes', `0\r\nA: ${'v'.repeat(1021)}\r\n\r\n`, ''],
]

const refused: readonly (readonly [number, string, string])[] = [
  [4, 'LF behind the size', '5\nhello\r\n0\r\n\r\n'],
  [4, 'LF behind the data', '5\r\nhello\n0\r\n\r\n'],
  [4, 'LF as the last line', '5\r\nhello\r\n0\r\n\n'],
  [4, 'LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
  [4, 'LF behind a trailer', '0\r\nA: b\n\r\n'],
  [5, 'CR without LF behind the size', '5\rXhello\r\n0\r\n\r\n'],
  [5, 'CR without LF behind the data', '5\r\nhello\rX0\r\n\r\n'],
  [5, 'CR in a quoted value', '5;a="\rb"\r\nhello\r\n0\r\n\r\n'],
  [5, 'CR in a trailer', '0\r\nA: b\rc\r\n\r\n'],
  [33, 'no size', '\r\nhello\r\n0\r\n\r\n'],
  [33, 'a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  [33, 'a minus', '-5\r\nhello\r\n0\r\n\r\n'],
  [33, '0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  [33, 'an underscore', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'],
  [33, 'a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  [33, 'a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
  [33, 'no hex', 'g\r\n'],
  [33, '17 digits', `${'5'.padStart(17, '0')}\r\nhello\r\n0\r\n\r\n`],
  [33, 'more than 2^53', '20000000000001\r\n'],
  [33, 'what 64 bits do not hold', 'ffffffffffffffff\r\n'],
  [33, 'too much data', '5\r\nhello!\r\n0\r\n\r\n'],
  [33, 'too little data', '5\r\nhell\r\n0\r\n\r\n'],
  [34, 'an extension without a name', '5;\r\nhello\r\n0\r\n\r\n'],
  [34, 'an extension of no token', '5;a@\r\nhello\r\n0\r\n\r\n'],
  [34, 'an extension without its value', '5;a=\r\nhello\r\n0\r\n\r\n'],
  [34, 'a quoted value without end', '5;a="b\r\nhello\r\n0\r\n\r\n'],
  [34, 'more behind a quoted value', '5;a="b"c\r\nhello\r\n0\r\n\r\n'],
  [34, 'space around an extension', '5; a\r\nhello\r\n0\r\n\r\n'],
  [34, 'a control in a quoted value', '5;a="\x01"\r\nhello\r\n0\r\n\r\n'],
  [34, 'a chunk line of 1,025 bytes', `${extension(1025)}0\r\n\r\n`],
  [
    34,
    'more than 16 KiB of extensions',
    `${extension(1024).repeat(16)}1;${'e'.repeat(40)}\r\nx\r\n0\r\n\r\n`,
  ],
  [35, 'a trailer without a colon', '0\r\nnothing\r\n\r\n'],
  [35, 'a trailer without a name', '0\r\n: b\r\n\r\n'],
  [35, 'a trailer with space before its colon', '0\r\nA : b\r\n\r\n'],
  [35, 'a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  [35, 'a NUL in a trailer', '0\r\nA: \0\r\n\r\n'],
  [35, '101 trailers', `0\r\n${'A: b\r\n'.repeat(101)}\r\n`],
  [35, 'a trailer line of 1,025 bytes', `0\r\nA: ${'v'.repeat(1022)}\r\n\r\n`],
  [35, 'more than 16 KiB of trailers', `0\r\n${`A: ${'v'.repeat(1000)}\r\n`.repeat(17)}\r\n`],
]

describe('a chunked body', () => {
  for (const [row, name, body, payload] of accepted) {
    test(`row ${row}: ${name}`, () => {
      const next = 'GET / HTTP/1.1\r\n'
      const outcome = feed([body + next])
      expect(outcome).toMatchObject({ error: false, ended: true, consumed: body.length })
      expect(read(outcome.out)).toEqual({ payload, ended: true })
      expect(outcome.payloadBytes).toBe(payload.length)
      const plain = feed([body + next], at.CHUNK_FLAG_PLAIN)
      expect(plain).toMatchObject({ ended: true, consumed: body.length, out: payload })
    })

    test(`row ${row}: ${name}, in pieces`, () => {
      const bytewise = feed([...body])
      expect(bytewise).toMatchObject({ error: false, ended: true, consumed: body.length })
      expect(read(bytewise.out)).toEqual({ payload, ended: true })
      const step = body.length > 2000 ? 61 : 1
      for (let split = 0; split <= body.length; split += step) {
        const outcome = feed([body.slice(0, split), body.slice(split)])
        const same = outcome.ended && outcome.consumed === body.length
        if (!same || read(outcome.out).payload !== payload) expect.fail(`split at ${split}`)
      }
      const tight = feed([body], 0, 64)
      expect(read(tight.out)).toEqual({ payload, ended: true })
    })
  }

  for (const [row, name, body] of refused) {
    test(`row ${row}: ${name} is refused, whole and in pieces`, () => {
      expect(feed([body]).error).toBe(true)
      expect(feed([...body]).error).toBe(true)
      const step = body.length > 2000 ? 61 : 1
      for (let split = 0; split <= body.length; split += step) {
        if (!feed([body.slice(0, split), body.slice(split)]).error) expect.fail(`split at ${split}`)
      }
    })
  }

  test('all payload of a read becomes one chunk', () => {
    expect(feed(['1\r\na\r\n1\r\nb\r\n2\r\ncd\r\n3\r\nef']).out).toBe('6\r\nabcdef\r\n')
  })

  test('a body that was refused stays refused, one that ended stays ended', () => {
    expect(feed(['x']).error).toBe(true)
    expect(grammar.chunk(input, grammar.lay('5\r\nhello'), output, 64, 0)).toBe(-400)
    feed(['0\r\n\r\n'])
    expect(grammar.chunk(input, grammar.lay('5\r\nhello'), output, 64, 0)).toBe(0)
    expect(word(at.CHUNK_ENDED)).toBe(1)
    expect(word(at.CHUNK_OUT_BYTES)).toBe(0)
  })

  test('2^53 is the largest chunk', () => {
    const outcome = feed(['20000000000000\r\nabc'])
    expect(outcome).toMatchObject({ error: false, ended: false, out: '3\r\nabc\r\n' })
  })
})

describe('frame', () => {
  test('puts bytes into one chunk, and nothing around no bytes', () => {
    for (const bytes of [1, 9, 15, 16, 17, 255, 256, 4095, 4096, 60_000]) {
      const end = grammar.lay('z'.repeat(bytes))
      const text = grammar.text(output, grammar.frame(input, end, output))
      expect(text).toBe(`${bytes.toString(16)}\r\n${'z'.repeat(bytes)}\r\n`)
    }
    expect(grammar.frame(input, input, output)).toBe(0)
  })
})
