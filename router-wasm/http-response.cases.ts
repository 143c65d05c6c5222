/**
 * One named case for each rule of a response head; `row` is the rule's number in the proxy's list of HTTP
 * rules. A case says the request it answers, the whole head, and the whole result.
 */
import { numbered } from './http-case.ts'
import * as at from './layout.ts'

export interface ResponseCase {
  readonly row: number
  readonly name: string
  readonly head: string
  /** REQ_FLAG_* and version of the request that it answers. Default: GET on 1.1 that stays. */
  readonly requestFlags?: number
  readonly minor?: number
  /** The head for the client, without its empty line; null: refused with 502. */
  readonly writes: readonly string[] | null
  readonly body?: number
  readonly outBody?: number
  readonly length?: number
  readonly flags?: number
}

const { RES_FLAG_KEEP_ALIVE: KEEP, RES_FLAG_CLOSE: CLOSE, RES_FLAG_INTERIM: INTERIM } = at
const {
  BODY_NONE: NONE,
  BODY_LENGTH: LENGTH,
  BODY_CHUNKED: CHUNKED,
  BODY_UNTIL_CLOSE: UNTIL_CLOSE,
} = at
const STAY = at.REQ_FLAG_KEEP_ALIVE
const HEAD = STAY | at.REQ_FLAG_HEAD
const UPGRADE = STAY | at.REQ_FLAG_UPGRADE

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`
const ok = (...fields: string[]) => lines('HTTP/1.1 200 OK', ...fields)
const length = 'Content-Length: 5'
const chunked = 'Transfer-Encoding: chunked'
const close = 'Connection: close'

type Rest = Omit<ResponseCase, 'row' | 'name' | 'head' | 'writes'>
const bad = (row: number, name: string, head: string, rest: Rest = {}): ResponseCase => ({
  row,
  name,
  head,
  writes: null,
  ...rest,
})
const good = (
  row: number,
  name: string,
  head: string,
  writes: string[],
  rest: Rest = {},
): ResponseCase => ({ row, name, head, writes, ...rest })
const status = (line: string, ...fields: string[]) => lines(line, ...fields)

export const responseCases: readonly ResponseCase[] = [
  good(48, 'a length', ok(length, 'A: 1'), ['HTTP/1.1 200 OK', 'A: 1', length], {
    body: LENGTH,
    outBody: LENGTH,
    length: 5,
    flags: KEEP,
  }),
  good(48, 'chunked', ok(chunked), ['HTTP/1.1 200 OK', chunked], {
    body: CHUNKED,
    outBody: CHUNKED,
    flags: KEEP,
  }),
  good(48, 'until close becomes chunked', ok(), ['HTTP/1.1 200 OK', chunked], {
    body: UNTIL_CLOSE,
    outBody: CHUNKED,
    flags: 0,
  }),
  good(48, 'an empty body', ok('Content-Length: 0'), ['HTTP/1.1 200 OK', 'Content-Length: 0'], {
    body: NONE,
    outBody: NONE,
    length: 0,
    flags: KEEP,
  }),
  good(48, 'the backend closes', ok(length, close), ['HTTP/1.1 200 OK', length], {
    body: LENGTH,
    flags: 0,
  }),
  good(
    48,
    'a 1.0 backend closes whatever it says',
    status('HTTP/1.0 200 OK', length, 'Connection: keep-alive'),
    ['HTTP/1.1 200 OK', length],
    { flags: 0 },
  ),
  ...['+5', '05', '5, 5', '', '0x5', '9007199254740993'].map((value) =>
    bad(47, `Content-Length ${JSON.stringify(value)}`, ok(`Content-Length: ${value}`)),
  ),
  bad(47, 'the same length twice', ok(length, length)),
  bad(47, 'length and coding', ok(length, chunked)),
  bad(47, 'coding on 1.0', status('HTTP/1.0 200 OK', chunked)),
  ...['gzip', 'gzip, chunked', 'chunked, chunked', ''].map((value) =>
    bad(47, `Transfer-Encoding ${JSON.stringify(value)}`, ok(`Transfer-Encoding: ${value}`)),
  ),
  bad(47, 'chunked twice', ok(chunked, chunked)),
  ...[
    'HTTP/1.1 200',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 X',
    'HTTP/1.1 600 X',
    'HTTP/1.1 2x0 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1\t200 OK',
    ' HTTP/1.1 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 O\x00K',
    'HTTP/1.1 200 O\x7fK',
    '<html>',
    '',
  ].map((line) => bad(47, `status line ${JSON.stringify(line)}`, status(line, length))),
  bad(47, 'LF ends the status line', 'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n'),
  bad(47, 'LF ends a field line', 'HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n'),
  good(
    47,
    'a phrase of its own, with bytes beyond ASCII',
    status('HTTP/1.1 200 \xe4h\tja', length),
    ['HTTP/1.1 200 OK', length],
  ),
  good(47, 'no phrase', status('HTTP/1.1 404 ', length), ['HTTP/1.1 404 Not Found', length]),
  good(47, 'a status without a registered phrase', status('HTTP/1.1 599 Odd', length), [
    'HTTP/1.1 599 ',
    length,
  ]),
  good(47, 'a head of 100 fields', ok(length, ...numbered(99)), [
    'HTTP/1.1 200 OK',
    ...numbered(99),
    length,
  ]),
  bad(47, 'a head of 101 fields', ok(length, ...numbered(100))),
  good(47, 'a line of 16,384 bytes', ok(length, `X: ${'v'.repeat(16381)}`), [
    'HTTP/1.1 200 OK',
    `X: ${'v'.repeat(16381)}`,
    length,
  ]),
  bad(47, 'a line of 16,385 bytes', ok(length, `X: ${'v'.repeat(16382)}`)),
  bad(47, 'a head without end', `HTTP/1.1 200 OK\r\n${`A: ${'v'.repeat(8000)}\r\n`.repeat(5)}`),
  bad(22, 'space before the colon', ok('Content-Length : 5')),
  bad(24, 'a NUL in a value', ok(length, 'A: \0')),
  bad(24, 'CR in a value', ok(length, 'A: b\rc')),
  bad(25, 'a folded line', ok(length, 'A: b', ' c')),
  good(
    40,
    'nominated fields go',
    ok(length, 'Connection: x-a, close', 'X-A: 1', 'X-B: 2'),
    ['HTTP/1.1 200 OK', 'X-B: 2', length],
    { flags: 0 },
  ),
  bad(40, 'nominating Content-Length', ok(length, 'Connection: content-length')),
  good(
    41,
    'hop-by-hop fields go',
    ok(
      length,
      'Keep-Alive: timeout=5',
      'Connection: keep-alive',
      'Proxy-Connection: close',
      'Trailer: X',
      'Upgrade: h2c',
      'Proxy-Authenticate: Basic',
      'TE: x',
    ),
    ['HTTP/1.1 200 OK', length],
    { flags: KEEP },
  ),
  good(
    43,
    '101 that was asked for',
    status(
      'HTTP/1.1 101 X',
      'Upgrade: WebSocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: abc',
    ),
    [
      'HTTP/1.1 101 Switching Protocols',
      'Sec-WebSocket-Accept: abc',
      'Connection: upgrade',
      'Upgrade: websocket',
    ],
    { requestFlags: UPGRADE, flags: at.RES_FLAG_UPGRADE, body: NONE },
  ),
  bad(
    43,
    '101 that nobody asked for',
    status('HTTP/1.1 101 X', 'Upgrade: websocket', 'Connection: upgrade'),
  ),
  bad(43, '101 without Upgrade', status('HTTP/1.1 101 X', 'Connection: upgrade'), {
    requestFlags: UPGRADE,
  }),
  bad(43, '101 without Connection', status('HTTP/1.1 101 X', 'Upgrade: websocket'), {
    requestFlags: UPGRADE,
  }),
  bad(
    43,
    '101 to another protocol',
    status('HTTP/1.1 101 X', 'Upgrade: h2c', 'Connection: upgrade'),
    { requestFlags: UPGRADE },
  ),
  bad(43, '101 on 1.0', status('HTTP/1.0 101 X', 'Upgrade: websocket', 'Connection: upgrade'), {
    requestFlags: UPGRADE,
  }),
  good(
    43,
    '200 to an upgrade is a normal response, then both close',
    ok(length),
    ['HTTP/1.1 200 OK', length, close],
    { requestFlags: UPGRADE, flags: CLOSE, body: LENGTH },
  ),
  good(45, '100 goes on to 1.1', status('HTTP/1.1 100 Continue'), ['HTTP/1.1 100 Continue'], {
    flags: INTERIM | KEEP,
    body: NONE,
  }),
  good(
    45,
    '103 with its fields',
    status('HTTP/1.1 103 Early Hints', 'Link: </a>', close),
    ['HTTP/1.1 103 Early Hints', 'Link: </a>'],
    { flags: INTERIM },
  ),
  good(45, '103 is not for 1.0', status('HTTP/1.1 103 Early Hints', 'Link: </a>'), [], {
    minor: 0,
    requestFlags: 0,
    flags: INTERIM | KEEP,
  }),
  bad(45, 'an interim response from 1.0', status('HTTP/1.0 100 Continue')),
  good(46, 'HEAD with a length', ok(length), ['HTTP/1.1 200 OK', length], {
    requestFlags: HEAD,
    body: NONE,
    outBody: NONE,
    length: 0,
    flags: KEEP,
  }),
  good(46, 'HEAD with chunked', ok(chunked), ['HTTP/1.1 200 OK'], {
    requestFlags: HEAD,
    body: NONE,
    outBody: NONE,
    flags: KEEP,
  }),
  good(46, 'HEAD with nothing', ok(), ['HTTP/1.1 200 OK'], {
    requestFlags: HEAD,
    body: NONE,
    flags: KEEP,
  }),
  bad(46, 'HEAD with two lengths', ok(length, length), { requestFlags: HEAD }),
  good(46, '204', status('HTTP/1.1 204 No Content'), ['HTTP/1.1 204 No Content'], {
    body: NONE,
    outBody: NONE,
    flags: KEEP,
  }),
  good(
    46,
    '204 with a length of none',
    status('HTTP/1.1 204 No Content', 'Content-Length: 0'),
    ['HTTP/1.1 204 No Content'],
    { body: NONE, flags: KEEP },
  ),
  good(
    46,
    '204 with a length: the connection is not used again',
    status('HTTP/1.1 204 No Content', length),
    ['HTTP/1.1 204 No Content'],
    { body: NONE, length: 0, flags: 0 },
  ),
  good(
    46,
    '204 with chunked: the connection is not used again',
    status('HTTP/1.1 204 No Content', chunked),
    ['HTTP/1.1 204 No Content'],
    { body: NONE, flags: 0 },
  ),
  good(
    46,
    '100 with a length: the connection is not used again',
    status('HTTP/1.1 100 Continue', length),
    ['HTTP/1.1 100 Continue'],
    { body: NONE, flags: INTERIM },
  ),
  good(
    46,
    '304 keeps the length that it tells',
    status('HTTP/1.1 304 Not Modified', length, 'ETag: "a"'),
    ['HTTP/1.1 304 Not Modified', 'ETag: "a"', length],
    { body: NONE, outBody: NONE, flags: KEEP },
  ),
  good(52, 'a 1.0 client gets a length and close', ok(length), ['HTTP/1.1 200 OK', length, close], {
    minor: 0,
    requestFlags: 0,
    outBody: LENGTH,
    flags: KEEP | CLOSE,
  }),
  good(52, 'a 1.0 client gets chunked without chunks', ok(chunked), ['HTTP/1.1 200 OK', close], {
    minor: 0,
    requestFlags: 0,
    body: CHUNKED,
    outBody: UNTIL_CLOSE,
    flags: KEEP | CLOSE,
  }),
  good(52, 'a 1.0 client reads until close', ok(), ['HTTP/1.1 200 OK', close], {
    minor: 0,
    requestFlags: 0,
    body: UNTIL_CLOSE,
    outBody: UNTIL_CLOSE,
    flags: CLOSE,
  }),
  good(
    52,
    'a 1.0 client is closed even if it would stay',
    ok(length),
    ['HTTP/1.1 200 OK', length, close],
    { minor: 0, flags: KEEP | CLOSE },
  ),
  good(
    53,
    'a client that closes, or a worker that drains',
    ok(length),
    ['HTTP/1.1 200 OK', length, close],
    { requestFlags: 0, flags: KEEP | CLOSE },
  ),
  good(
    57,
    'Set-Cookie lines stay apart and in order',
    ok('Set-Cookie: a=1', length, 'Set-Cookie: b=2'),
    ['HTTP/1.1 200 OK', 'Set-Cookie: a=1', 'Set-Cookie: b=2', length],
  ),
  good(
    59,
    'WWW-Authenticate and Allow are not touched',
    ok(length, 'WWW-Authenticate: Basic realm="x"', 'Allow: GET'),
    ['HTTP/1.1 200 OK', 'WWW-Authenticate: Basic realm="x"', 'Allow: GET', length],
  ),
]
