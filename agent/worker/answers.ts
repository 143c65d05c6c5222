/**
 * Answers of our own (http-rules 66, 67): small, fixed, and never with a byte of the request in them.
 */
import { STATUS_CODES } from 'node:http'

const reasons: Readonly<Record<number, string>> = {
  302: 'see Location',
  400: 'the request is not valid HTTP/1.1',
  404: 'no route matches',
  405: 'the method is not allowed here',
  408: 'the request did not arrive in time',
  413: 'the request body is too large',
  414: 'the request target is too long',
  417: 'only 100-continue can be expected',
  431: 'the header section is too large',
  501: 'the method or transfer coding is not implemented',
  502: 'the backend gave no valid response',
  503: 'no backend can take the request now',
  504: 'the backend did not answer in time',
  505: 'this HTTP version is not supported',
  508: 'the request came through this proxy before',
}

/** RFC 9110 §10.2.1: what `OPTIONS *` and a 405 say. */
const allowed = 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS'

export interface AnswerOptions {
  readonly status: number
  readonly date: string
  readonly close: boolean
  /** The request was HEAD: the same fields, no body. */
  readonly head: boolean
  /** Lines of more fields. */
  readonly fields?: readonly string[]
  /** Instead of the usual sentence. */
  readonly text?: string
}

export function ownAnswer(options: AnswerOptions): Buffer {
  const { status, date, close, head, fields = [] } = options
  const name = STATUS_CODES[status] ?? 'Error'
  const text = options.text ?? reasons[status] ?? name
  const body = status === 204 ? '' : `${status} ${name}: ${text}\n`
  const lines = [`HTTP/1.1 ${status} ${name}`, `Date: ${date}`, 'Cache-Control: no-store']
  if (status !== 204) {
    lines.push('Content-Type: text/plain; charset=utf-8', `Content-Length: ${body.length}`)
  }
  lines.push(...fields)
  if (status === 204 || status === 405) lines.push(`Allow: ${allowed}`)
  if (status === 503) lines.push('Retry-After: 1')
  lines.push(close ? 'Connection: close' : 'Connection: keep-alive')
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${head ? '' : body}`, 'latin1')
}
