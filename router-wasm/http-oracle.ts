/**
 * Plain, slow readers of what the grammar writes, by another way than the grammar reads: regular
 * expressions over whole texts. They accept only the canonical form, so they judge every byte written.
 */

export interface CanonicalHead {
  readonly start: string
  readonly fields: readonly (readonly [string, string])[]
}

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const requestLine = new RegExp(
  `^${token} /(?:[A-Za-z0-9._~!$&'()*+,;=:@/\\[\\]-]|%[0-9A-F]{2})*` +
    `(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\\[\\]-]|%[0-9A-Fa-f]{2})*)? HTTP/1\\.1$`,
)
const statusLine = /^HTTP\/1\.1 [1-5][0-9][0-9] [A-Za-z -]*$/
const text = '[^\\x00-\\x08\\x0a-\\x1f\\x7f]'
const visible = '[^\\x00-\\x20\\x7f]'
const fieldLine = new RegExp(`^(${token}):(?: (${visible}(?:${text}*${visible})?))?$`)

/** Fields that a canonical message has at most once and with one reading only. */
const single = {
  request: ['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect'],
  response: ['content-length', 'transfer-encoding', 'connection', 'upgrade'],
}

/** Reads a canonical head or throws what is wrong with it. */
export function readHead(head: string, kind: 'request' | 'response'): CanonicalHead {
  if (!head.endsWith('\r\n\r\n')) throw new Error('does not end with an empty line')
  const [start, ...lines] = head.slice(0, -4).split('\r\n')
  if (start === undefined || !(kind === 'request' ? requestLine : statusLine).test(start)) {
    throw new Error(`start line ${JSON.stringify(start)}`)
  }
  const fields = lines.map((line): [string, string] => {
    // `Host` alone may be empty behind its space: an HTTP/1.0 request had none.
    if (line === 'Host: ') return ['Host', '']
    const match = fieldLine.exec(line)
    if (!match) throw new Error(`field line ${JSON.stringify(line)}`)
    return [match[1]!, match[2] ?? '']
  })
  for (const name of single[kind]) {
    if (valuesOf(fields, name).length > 1) throw new Error(`${name} more than once`)
  }
  checkFraming(fields)
  return { start, fields }
}

export const valuesOf = (fields: CanonicalHead['fields'], name: string): string[] =>
  fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)

function checkFraming(fields: CanonicalHead['fields']): void {
  const [length] = valuesOf(fields, 'content-length')
  const [coding] = valuesOf(fields, 'transfer-encoding')
  if (length !== undefined && !/^(0|[1-9][0-9]{0,15})$/.test(length)) throw new Error('length')
  if (coding !== undefined && coding !== 'chunked') throw new Error('coding')
  if (length !== undefined && coding !== undefined) throw new Error('length and coding')
  const [connection] = valuesOf(fields, 'connection')
  if (connection !== undefined && !['close', 'upgrade'].includes(connection))
    throw new Error('connection')
}

/** RFC 3986 §5.2.4 and §6.2.2 with arrays and `decodeURIComponent`; null when the proxy refuses the path. */
export function canonicalPath(path: string): string | null {
  if (/%(?:2f|5c|00)/i.test(path) || /%(?![0-9a-f]{2})/i.test(path)) return null
  const decoded = path.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase()
  })
  const segments = decoded.split('/').slice(1)
  const kept: string[] = []
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (last) kept.push('')
  })
  return `/${kept.join('/')}`
}

const extensions = `(?:;${token}(?:=(?:${token}|"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"))?)*`
const chunkLine = new RegExp(`^([0-9A-Fa-f]{1,16})(${extensions})\\r\\n`)
const trailerLine = new RegExp(`^${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n`)

/** A whole chunked body: its payload and bytes, 'more' when it is cut off or 'bad'. Only for short ones. */
export function readChunked(text: string): { payload: string; bytes: number } | 'more' | 'bad' {
  let payload = ''
  let at = 0
  const rest = () => text.slice(at)
  for (;;) {
    const line = chunkLine.exec(rest())
    if (!line) return 'bad'
    const size = Number.parseInt(line[1]!, 16)
    if (size > 2 ** 53) return 'bad'
    at += line[0].length
    if (size === 0) break
    if (at + size > text.length) return 'more'
    payload += text.slice(at, at + size)
    at += size
    if (!rest().startsWith('\r\n')) return rest().length < 2 ? 'more' : 'bad'
    at += 2
  }
  for (let trailer = trailerLine.exec(rest()); trailer; trailer = trailerLine.exec(rest())) {
    at += trailer[0].length
  }
  if (!rest().startsWith('\r\n')) return rest().length < 2 ? 'more' : 'bad'
  return { payload, bytes: at + 2 }
}
