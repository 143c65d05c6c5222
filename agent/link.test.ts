import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { linkLine, linkLineBytesMax, linkPath, linkReader, type PilotMessage } from './link.ts'

const collect = () => {
  const messages: unknown[] = []
  return { messages, read: linkReader<unknown>((message) => messages.push(message)) }
}

describe('messages on the link', () => {
  test('arrive whole and in order, however the bytes are cut', () => {
    const sent: PilotMessage[] = [
      { type: 'ready', ready: true },
      { type: 'endpoints', number: 1, endpoints: { 'shop-r1': [{ address: '::1', port: 80 }] } },
      { type: 'positions', positions: [] },
    ]
    const bytes = Buffer.from(sent.map(linkLine).join(''))
    for (let size = 1; size <= bytes.length; size++) {
      const { messages, read } = collect()
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
      expect(messages).toEqual(sent)
    }
  })

  test('may be as long as the limit, and not a byte longer', () => {
    const text = JSON.stringify('x'.repeat(linkLineBytesMax - 2))
    const at = collect()
    at.read(Buffer.from(`${text}\n`))
    expect(at.messages.length).toBe(1)
    const past = collect()
    expect(() => past.read(Buffer.from(` ${text}\n`))).toThrow(/too long/)
    const endless = collect()
    const piece = Buffer.alloc(65_536, 'x')
    expect(() => {
      for (let n = 0; n < 100; n++) endless.read(piece)
    }).toThrow(/too long/)
  })

  test('that are not JSON break the link', () => {
    expect(() => collect().read(Buffer.from('{"type":\n'))).toThrow(SyntaxError)
  })
})

describe("the link's socket", () => {
  test('lies in the state folder', () => {
    expect(linkPath('/var/lib/switchyard')).toBe('/var/lib/switchyard/pilot.sock')
  })

  test('lies in the temporary folder when its path would be too long, one for each state folder', () => {
    const long = (last: string) => `/${'d'.repeat(89)}${last}`
    const short = linkPath('/'.padEnd(89, 'd'))
    expect(Buffer.byteLength(short)).toBe(100)
    expect(short).toMatch(/^\/d+\/pilot\.sock$/)
    const one = linkPath(long('a'))
    expect(one.startsWith(join(tmpdir(), 'switchyard-'))).toBe(true)
    expect(Buffer.byteLength(one)).toBeLessThanOrEqual(103)
    expect(linkPath(long('a'))).toBe(one)
    expect(linkPath(long('b'))).not.toBe(one)
  })
})
