/**
 * Reads one HTTP/1.1 answer at a time from a byte stream, strictly: whatever a proxy may not send is a
 * `Malformed`, not something to be tolerant about. Knows `Content-Length`, chunks and bodiless answers.
 */
import { createHash, type Hash } from 'node:crypto'

const headBytesMax = 64 * 1024
const textBytesMax = 4 * 1024

export class Malformed extends Error {
  override readonly name = 'Malformed'
}

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly bodyBytes: number
  /** SHA-256 of the body, lower-case hex. */
  readonly digest: string
  /** The first 4 KiB of the body. */
  readonly text: string
}

export interface AnswerReader {
  /** Takes bytes; the answer once it is complete. */
  push(bytes: Buffer): Answer | null
  /** An answer has begun and is not complete. */
  readonly begun: boolean
  /** Bytes after the complete answer. */
  readonly excess: number
}

type Framing =
  | { readonly type: 'length'; left: number }
  | { readonly type: 'chunks'; left: number; trailer: boolean }

export function createAnswerReader(method: string): AnswerReader {
  let held: Buffer = Buffer.alloc(0)
  let begun = false
  let status = 0
  let headers: Map<string, string> | null = null
  let framing: Framing = { type: 'length', left: 0 }
  let hash: Hash | null = null
  let bodyBytes = 0
  let text = ''

  function push(bytes: Buffer): Answer | null {
    begun = true
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    while (headers === null) {
      if (!readHead()) return null
    }
    const complete = framing.type === 'length' ? readLength(framing) : readChunks(framing)
    if (!complete) return null
    return {
      status,
      headers,
      bodyBytes,
      digest: (hash ?? createHash('sha256')).digest('hex'),
      text,
    }
  }

  /** False when more bytes are needed; an interim answer (1xx) is dropped and the next head awaited. */
  function readHead(): boolean {
    const end = held.indexOf('\r\n\r\n')
    if (end < 0) {
      if (held.length > headBytesMax) throw new Malformed('the head is too long')
      return false
    }
    const lines = held.toString('latin1', 0, end).split('\r\n')
    held = held.subarray(end + 4)
    const statusLine = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/.exec(lines[0] ?? '')
    if (!statusLine) throw new Malformed(`status line ${JSON.stringify(lines[0])}`)
    const fields = fieldsOf(lines.slice(1))
    status = Number(statusLine[1])
    if (status < 200) return held.length > 0
    headers = fields
    framing = framingOf(fields)
    return true
  }

  function framingOf(fields: ReadonlyMap<string, string>): Framing {
    const coding = fields.get('transfer-encoding')
    const length = fields.get('content-length')
    if (coding !== undefined && length !== undefined) throw new Malformed('two kinds of framing')
    if (method === 'HEAD' || status === 204 || status === 304) return { type: 'length', left: 0 }
    if (coding === 'chunked') return { type: 'chunks', left: -1, trailer: false }
    if (coding !== undefined) throw new Malformed(`transfer-encoding ${coding}`)
    if (length === undefined) throw new Malformed('neither length nor chunks')
    if (!/^\d{1,15}$/.test(length)) throw new Malformed(`content-length ${length}`)
    return { type: 'length', left: Number(length) }
  }

  function readLength(body: { left: number }): boolean {
    body.left -= takeBody(body.left)
    return body.left === 0
  }

  /** `left` is -1 before a size line, else data bytes still to come and, at 0, their line end. */
  function readChunks(body: { left: number; trailer: boolean }): boolean {
    for (;;) {
      if (body.left > 0) {
        body.left -= takeBody(body.left)
        if (body.left > 0) return false
      }
      const end = held.indexOf('\r\n')
      if (end < 0) {
        if (held.length > headBytesMax) throw new Malformed('a chunk line is too long')
        return false
      }
      const line = held.toString('latin1', 0, end)
      held = held.subarray(end + 2)
      if (body.trailer) {
        if (line === '') return true
      } else if (body.left === 0) {
        if (line !== '') throw new Malformed('bytes between chunks')
        body.left = -1
      } else {
        if (!/^[0-9a-f]{1,8}$/i.test(line)) throw new Malformed(`chunk size ${line}`)
        body.left = Number.parseInt(line, 16)
        if (body.left === 0) body.trailer = true
      }
    }
  }

  function takeBody(count: number): number {
    const bytes = held.subarray(0, count)
    held = held.subarray(bytes.length)
    hash ??= createHash('sha256')
    hash.update(bytes)
    bodyBytes += bytes.length
    if (text.length < textBytesMax) text += bytes.toString('latin1', 0, textBytesMax - text.length)
    return bytes.length
  }

  return {
    push,
    get begun() {
      return begun
    },
    get excess() {
      return held.length
    },
  }
}

function fieldsOf(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line)
    if (!field) throw new Malformed(`field line ${JSON.stringify(line)}`)
    const name = field[1]!.toLowerCase()
    if (fields.has(name) && (name === 'content-length' || name === 'transfer-encoding')) {
      throw new Malformed(`two lines of ${name}`)
    }
    fields.set(name, field[2]!)
  }
  return fields
}
