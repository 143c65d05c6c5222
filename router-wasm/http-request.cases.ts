/**
 * One named case for each rule of a request head and for each way around it; `row` is the rule's number in
 * the proxy's list of HTTP rules. A case says the whole head and the whole answer: our status, or exactly
 * the bytes that are forwarded (settings empty, no route's changes).
 */
import * as at from './layout.ts'

export interface RequestCase {
  readonly row: number
  readonly name: string
  readonly head: string
  /** Status of our own answer. */
  readonly answer?: number
  /** After our answer the connection may go on. */
  readonly mayContinue?: boolean
  /** The forwarded head, without its empty line. */
  readonly forwards?: readonly string[]
  readonly flags?: number
  readonly body?: number
  readonly length?: number
  readonly host?: string
}

const { REQ_FLAG_KEEP_ALIVE: KEEP, REQ_FLAG_IDEMPOTENT: SAFE, REQ_FLAG_HEAD: HEAD } = at
const GET = KEEP | SAFE

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`
const get = (...fields: string[]) => lines('GET / HTTP/1.1', 'Host: a.example', ...fields)
const post = (...fields: string[]) => lines('POST / HTTP/1.1', 'Host: a.example', ...fields)
const target = (text: string) => lines(`GET ${text} HTTP/1.1`, 'Host: a.example')
const host = (text: string) => lines('GET / HTTP/1.1', `Host: ${text}`)

const forwarded = 'X-Forwarded-Host: a.example'
const sameGet = (...fields: string[]) => ['GET / HTTP/1.1', 'Host: a.example', ...fields, forwarded]
const samePost = (...fields: string[]) => [
  'POST / HTTP/1.1',
  'Host: a.example',
  ...fields,
  forwarded,
]
const sameTarget = (text: string) => [`GET ${text} HTTP/1.1`, 'Host: a.example', forwarded]

type Rest = Omit<RequestCase, 'row' | 'name' | 'head'>
const one = (row: number, name: string, head: string, rest: Rest): RequestCase => ({
  row,
  name,
  head,
  ...rest,
})
const refused = (row: number, name: string, head: string, answer = 400) =>
  one(row, name, head, { answer })
const passed = (row: number, name: string, head: string, forwards: string[], rest: Rest = {}) =>
  one(row, name, head, { forwards, ...rest })

const requestLines: RequestCase[] = [
  passed(1, 'a plain GET', get('Accept: */*'), sameGet('Accept: */*'), {
    flags: GET,
    body: at.BODY_NONE,
  }),
  refused(1, 'a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refused(1, 'a NUL as the first byte', '\0GET / HTTP/1.1\r\n'),
  passed(2, 'an empty line in front', `\r\n${get()}`, sameGet()),
  passed(2, 'four empty lines in front', `\r\n\r\n\r\n\r\n${get()}`, sameGet()),
  refused(2, 'five empty lines in front', `\r\n\r\n\r\n\r\n\r\n${get()}`),
  refused(3, 'LF ends the request line', 'GET / HTTP/1.1\nHost: a.example\r\n\r\n'),
  refused(3, 'LF ends a field line', 'GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n'),
  refused(3, 'LF is the empty line', 'GET / HTTP/1.1\r\nHost: a.example\r\n\n'),
  refused(3, 'LF in front of the request line', `\n${get()}`),
  refused(5, 'CR in the request line', 'GET /\r HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(5, 'CR behind the version', 'GET / HTTP/1.1\rHost: a.example\r\n\r\n'),
  refused(5, 'CR in a name', get('X\rY: z')),
  refused(5, 'CR in a value', get('X: y\rz')),
  refused(5, 'CR before the line end', get('X: y\r')),
  refused(5, 'CR as the empty line', 'GET / HTTP/1.1\r\nHost: a.example\r\n\rX'),
  refused(6, 'space before the first field', 'GET / HTTP/1.1\r\n Host: a.example\r\n\r\n'),
  refused(6, 'tab before the first field', 'GET / HTTP/1.1\r\n\tHost: a.example\r\n\r\n'),
  refused(7, 'two spaces before the target', 'GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(7, 'two spaces before the version', 'GET /  HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(7, 'tab as the separator', 'GET\t/ HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(7, 'space behind the version', 'GET / HTTP/1.1 \r\nHost: a.example\r\n\r\n'),
  refused(7, 'space in front of the method', ' GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(8, 'a method with a character that no token has', 'GE(T / HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(8, 'a method beyond ASCII', 'G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(8, 'a method of 33 letters', `${'M'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 501),
  passed(
    8,
    'a method of 32 letters',
    lines(`${'M'.repeat(32)} / HTTP/1.1`, 'Host: a.example'),
    [`${'M'.repeat(32)} / HTTP/1.1`, 'Host: a.example', forwarded],
    { flags: KEEP },
  ),
  passed(
    8,
    'a method in lower case is another method',
    lines('get / HTTP/1.1', 'Host: a.example'),
    ['get / HTTP/1.1', 'Host: a.example', forwarded],
    { flags: KEEP },
  ),
  passed(
    9,
    'a target of 8,000 bytes',
    target(`/${'a'.repeat(7999)}`),
    sameTarget(`/${'a'.repeat(7999)}`),
  ),
  passed(
    9,
    'a target of 16,384 bytes',
    target(`/${'a'.repeat(16383)}`),
    sameTarget(`/${'a'.repeat(16383)}`),
  ),
  refused(9, 'a target of 16,385 bytes', target(`/${'a'.repeat(16384)}`), 414),
  refused(9, 'a target without end', `GET /${'a'.repeat(20000)}`, 414),
  ...[...'"<>\\^{}|`'].map((c) => refused(10, `${c} in the path`, target(`/a${c}b`))),
  ...[...'"<>\\^{}|`'].map((c) => refused(10, `${c} in the query`, target(`/?a${c}b`))),
  ...['\x01', '\x1f', '\x7f', '\x80', '\xff', '\t'].map((c) =>
    refused(10, `byte ${c.charCodeAt(0)} in the target`, target(`/a${c}b`)),
  ),
  ...['%', '%a', '%g0', '%0g', '%%41', '%00'].flatMap((c) => [
    refused(10, `${c} in the path`, target(`/a${c}`)),
    refused(10, `${c} in the query`, target(`/?a=${c}`)),
  ]),
  refused(11, 'a fragment', target('/a#b')),
  refused(11, 'a fragment in the query', target('/a?b#c')),
  passed(
    12,
    'absolute-form',
    lines('GET http://a.example/x?y HTTP/1.1', 'Host: a.example'),
    sameTarget('/x?y'),
  ),
  passed(
    12,
    'absolute-form with a scheme in capitals',
    lines('GET HTTPS://a.example/x HTTP/1.1', 'Host: a.example'),
    sameTarget('/x'),
  ),
  passed(
    12,
    'absolute-form without a path',
    lines('GET http://a.example HTTP/1.1', 'Host: a.example'),
    sameTarget('/'),
  ),
  passed(
    12,
    'absolute-form with only a query',
    lines('GET http://a.example?q HTTP/1.1', 'Host: a.example'),
    sameTarget('/?q'),
  ),
  passed(
    12,
    'absolute-form on 1.0 without Host',
    lines('GET http://a.example/ HTTP/1.0'),
    sameTarget('/'),
    { flags: SAFE, host: 'a.example' },
  ),
  refused(
    12,
    'absolute-form and another Host',
    lines('GET http://a.example/ HTTP/1.1', 'Host: b.example'),
  ),
  refused(
    12,
    'absolute-form and another port',
    lines('GET http://a.example:81/ HTTP/1.1', 'Host: a.example'),
  ),
  refused(12, 'absolute-form without Host on 1.1', lines('GET http://a.example/ HTTP/1.1')),
  refused(
    12,
    'absolute-form with user information',
    lines('GET http://u@a.example/ HTTP/1.1', 'Host: a.example'),
  ),
  refused(
    12,
    'absolute-form with an empty host',
    lines('GET http:///x HTTP/1.1', 'Host: a.example'),
  ),
  refused(
    12,
    'absolute-form that ends with its slashes',
    lines('GET http:// HTTP/1.1', 'Host: a.example'),
  ),
  refused(12, 'another scheme', lines('GET ftp://a.example/ HTTP/1.1', 'Host: a.example')),
  refused(13, 'authority-form with GET', lines('GET a.example:80 HTTP/1.1', 'Host: a.example')),
  refused(13, 'asterisk-form with GET', lines('GET * HTTP/1.1', 'Host: a.example')),
  refused(13, 'an asterisk and more', lines('OPTIONS *x HTTP/1.1', 'Host: a.example')),
  refused(13, 'a path without its slash', target('index.html')),
  refused(14, 'CONNECT', lines('CONNECT a.example:443 HTTP/1.1', 'Host: a.example:443'), 405),
  refused(14, 'CONNECT without a port', lines('CONNECT a.example HTTP/1.1', 'Host: a.example')),
  refused(14, 'CONNECT with port 0', lines('CONNECT a.example:0 HTTP/1.1', 'Host: a.example')),
  refused(
    14,
    'CONNECT with port 65536',
    lines('CONNECT a.example:65536 HTTP/1.1', 'Host: a.example'),
  ),
  refused(14, 'CONNECT with a path', lines('CONNECT / HTTP/1.1', 'Host: a.example')),
  one(15, 'OPTIONS *', lines('OPTIONS * HTTP/1.1', 'Host: a.example'), {
    answer: 204,
    mayContinue: true,
  }),
  one(
    15,
    'OPTIONS * that closes',
    lines('OPTIONS * HTTP/1.1', 'Host: a.example', 'Connection: close'),
    { answer: 204 },
  ),
  one(
    15,
    'OPTIONS * with a body',
    lines('OPTIONS * HTTP/1.1', 'Host: a.example', 'Content-Length: 3'),
    { answer: 204 },
  ),
  one(
    15,
    'OPTIONS of an absolute target without a path',
    lines('OPTIONS http://a.example HTTP/1.1', 'Host: a.example'),
    { answer: 204, mayContinue: true },
  ),
  one(16, 'TRACE', lines('TRACE / HTTP/1.1', 'Host: a.example'), {
    answer: 405,
    mayContinue: true,
  }),
  one(17, 'Max-Forwards 0', lines('OPTIONS / HTTP/1.1', 'Host: a.example', 'Max-Forwards: 0'), {
    answer: 204,
    mayContinue: true,
  }),
  passed(
    17,
    'Max-Forwards 10 becomes 9',
    lines('OPTIONS / HTTP/1.1', 'Host: a.example', 'Max-Forwards: 10'),
    ['OPTIONS / HTTP/1.1', 'Host: a.example', 'Max-Forwards: 9', forwarded],
  ),
  refused(
    17,
    'Max-Forwards that is no number',
    lines('OPTIONS / HTTP/1.1', 'Host: a.example', 'Max-Forwards: -1'),
  ),
  passed(
    17,
    'Max-Forwards means nothing with GET',
    get('Max-Forwards: 0'),
    sameGet('Max-Forwards: 0'),
  ),
  ...[
    'HTTP/0.9',
    'HTTP/1',
    'http/1.1',
    'HTTP/1.10',
    'HTTP/01.1',
    'HTTP/1.',
    'HTTP/1,1',
    'HTTPS/1.1',
    'HTTP/1.1x',
    '',
  ].map((version) =>
    refused(18, `version ${version}`, lines(`GET / ${version}`, 'Host: a.example')),
  ),
  refused(18, 'no version (HTTP/0.9)', 'GET /\r\n'),
  ...['HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/3.0'].map((version) =>
    refused(18, `version ${version}`, lines(`GET / ${version}`, 'Host: a.example'), 505),
  ),
  refused(18, 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
  passed(
    19,
    'HTTP/1.0 is forwarded as 1.1',
    lines('GET / HTTP/1.0', 'Host: a.example'),
    sameGet(),
    { flags: SAFE },
  ),
]

const hosts: RequestCase[] = [
  refused(20, 'no Host on 1.1', lines('GET / HTTP/1.1', 'X: y')),
  passed(20, 'no Host on 1.0', lines('GET / HTTP/1.0'), ['GET / HTTP/1.1', 'Host: '], { host: '' }),
  refused(20, 'two Hosts', lines('GET / HTTP/1.1', 'Host: a.example', 'Host: a.example')),
  refused(20, 'two Hosts on 1.0', lines('GET / HTTP/1.0', 'Host: a.example', 'host: b.example')),
  ...[
    '',
    'u@a.example',
    'a.example/x',
    'a.example,b.example',
    'a.example, a.example',
    'a.example:',
    'a.example:0',
    'a.example:65536',
    'a.example:080',
    'a.example:8a',
    'a.example:80:80',
    'a example',
    'a%2eexample',
    'a"b',
    'a..example',
    '.a.example',
    '.',
    'a.example..',
    '[::1',
    '::1',
    '[::1]x',
    '[:::]',
    '[1:2:3:4:5:6:7]',
    '[1:2:3:4:5:6:7:8:9]',
    '[::12345]',
    '[::1%25eth0]',
    '[v1.x]',
    '[::256.0.0.1]',
    '[1::2::3]',
    '[1:2:3:4:5:6:7:]',
    '[]',
    '\xe4.example',
    'http://a.example',
    `${'a'.repeat(256)}`,
    `a\u0001`,
  ].map((text) => refused(20, `Host ${JSON.stringify(text.slice(0, 40))}`, host(text))),
  refused(20, 'a bad Host on 1.0', lines('GET / HTTP/1.0', 'Host: a/b')),
  ...(
    [
      ['A.Example', 'a.example'],
      ['a.example:8080', 'a.example'],
      ['a.example.', 'a.example'],
      ['a.example.:1', 'a.example'],
      ['127.0.0.1:65535', '127.0.0.1'],
      ['[::1]', '[::1]'],
      ['[2001:DB8::1]:443', '[2001:db8::1]'],
      ['[::]', '[::]'],
      ['[1:2:3:4:5:6:7:8]', '[1:2:3:4:5:6:7:8]'],
      ['[1:2:3:4:5:6:7::]', '[1:2:3:4:5:6:7::]'],
      ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]'],
      ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
      ['my_service', 'my_service'],
      ['a'.repeat(255), 'a'.repeat(255)],
      ['long-name-over-sixteen.bytes.example:80', 'long-name-over-sixteen.bytes.example'],
    ] as const
  ).map(([text, canonical]) =>
    passed(
      62,
      `Host ${text.slice(0, 40)}`,
      host(text),
      ['GET / HTTP/1.1', `Host: ${text}`, `X-Forwarded-Host: ${text}`],
      {
        host: canonical,
      },
    ),
  ),
]

const fields: RequestCase[] = [
  refused(22, 'space before the colon', get('X : y')),
  refused(22, 'tab before the colon', get('Content-Length\t: 5')),
  refused(23, 'a line without a colon', get('nothing')),
  refused(23, 'an empty name', get(': y')),
  refused(23, 'a name with a slash', get('X/Y: z')),
  refused(23, 'a name with a quote', get('X"Y": z')),
  refused(23, 'a name beyond ASCII', get('X\xe4: z')),
  passed(
    23,
    'a name with every mark of a token',
    get("!#$%&'*+.^`|~: z"),
    sameGet("!#$%&'*+.^`|~: z"),
  ),
  passed(
    24,
    'values with tabs inside and bytes beyond ASCII',
    get('X: a\tb \xe4\xff'),
    sameGet('X: a\tb \xe4\xff'),
  ),
  passed(
    24,
    'white space around a value goes',
    get('X: \t y \t', 'Y:z', 'Z:'),
    sameGet('X: y', 'Y: z', 'Z:'),
  ),
  ...['\0', '\x01', '\x08', '\x0b', '\x1f', '\x7f'].map((c) =>
    refused(24, `byte ${c.charCodeAt(0)} in a value`, get(`X: a${c}b`)),
  ),
  refused(25, 'a folded line', get('X: y', ' z')),
  refused(25, 'a folded line with a tab', get('X: y', '\tz')),
  ...[
    'X_Forwarded_For',
    'x_real_ip',
    'Content_Length',
    'Transfer_Encoding',
    'Transfer.Encoding',
    'X-Forwarded_Prefix',
    'Host_',
  ].map((name) =>
    name === 'Host_'
      ? passed(26, `${name} is forwarded`, get(`${name}: 1`), sameGet(`${name}: 1`))
      : passed(26, `${name} is dropped`, get(`${name}: 1`), sameGet()),
  ),
  passed(26, 'other names with an underscore stay', get('my_field: 1'), sameGet('my_field: 1')),
  passed(27, '100 fields', get(...numbered(99)), sameGet(...numbered(99))),
  refused(27, '101 fields', get(...numbered(100)), 431),
  passed(
    27,
    'a line of 16,384 bytes',
    get(`X: ${'v'.repeat(16381)}`),
    sameGet(`X: ${'v'.repeat(16381)}`),
  ),
  refused(27, 'a line of 16,385 bytes', get(`X: ${'v'.repeat(16382)}`), 431),
  refused(27, 'a name without end', `GET / HTTP/1.1\r\n${'n'.repeat(20000)}`, 431),
  passed(27, 'a head of 32,768 bytes', get(...fillers(32768)), sameGet(...fillers(32768))),
  refused(27, 'a head of 32,769 bytes', get(...fillers(32769)), 431),
  refused(
    27,
    'a head without end',
    `${get(...fillers(32768)).slice(0, -2)}${'X: y\r\n'.repeat(50)}`,
    431,
  ),
]

const framing: RequestCase[] = [
  ...[
    '+5',
    '-0',
    '0x5',
    '5e0',
    '1_0',
    '5,6',
    '5, 5',
    '',
    '05',
    '00',
    '5 5',
    '9007199254740993',
    '18446744073709551616',
    '1'.repeat(17),
    '5;a',
  ].map((value) =>
    refused(28, `Content-Length ${JSON.stringify(value)}`, post(`Content-Length: ${value}`)),
  ),
  passed(28, 'a body of 5', post('Content-Length: 5'), samePost('Content-Length: 5'), {
    flags: KEEP,
    body: at.BODY_LENGTH,
    length: 5,
  }),
  passed(
    28,
    'a body of 2^53',
    post('content-length:9007199254740992 '),
    samePost('Content-Length: 9007199254740992'),
    {
      body: at.BODY_LENGTH,
      length: 2 ** 53,
    },
  ),
  passed(28, 'a body of none', post('Content-Length: 0'), samePost('Content-Length: 0'), {
    body: at.BODY_NONE,
    length: 0,
  }),
  refused(29, 'the same length twice', post('Content-Length: 5', 'Content-Length: 5')),
  refused(29, 'two lengths', post('Content-Length: 5', 'content-length: 6')),
  refused(30, 'length and coding', post('Content-Length: 5', 'Transfer-Encoding: chunked')),
  refused(30, 'coding and length', post('Transfer-Encoding: chunked', 'Content-Length: 0')),
  refused(
    31,
    'coding on 1.0',
    lines('POST / HTTP/1.0', 'Host: a.example', 'Transfer-Encoding: chunked'),
  ),
  passed(
    32,
    'chunked',
    post('Transfer-Encoding: chunked'),
    samePost('Transfer-Encoding: chunked'),
    { flags: KEEP, body: at.BODY_CHUNKED },
  ),
  passed(
    32,
    'chunked in capitals and space',
    post('transfer-encoding:\t CHUNKED '),
    samePost('Transfer-Encoding: chunked'),
    { body: at.BODY_CHUNKED },
  ),
  ...['gzip', 'identity', 'xchunked', 'chunkedx', 'chunk'].map((value) =>
    refused(32, `Transfer-Encoding ${value}`, post(`Transfer-Encoding: ${value}`), 501),
  ),
  ...[
    'gzip, chunked',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'chunked;q=1',
    '',
    '"chunked"',
    'chunked gzip',
    'chunked\x0b',
  ].map((value) =>
    refused(32, `Transfer-Encoding ${JSON.stringify(value)}`, post(`Transfer-Encoding: ${value}`)),
  ),
  refused(32, 'chunked twice', post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')),
]

const upgrade = [
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
]
const upgraded = [...upgrade.slice(1), 'Connection: upgrade', 'Upgrade: websocket']

const connections: RequestCase[] = [
  passed(
    40,
    'a nominated field goes',
    get('X-A: 1', 'Connection: x-a, X-B', 'x-B: 2', 'X-C: 3'),
    sameGet('X-C: 3'),
  ),
  passed(
    40,
    'nominated on two lines, with empty elements',
    get('Connection: ,x-a,', 'X-A: 1', 'Connection:', 'Connection: x-b ,', 'X-B: 2'),
    sameGet(),
  ),
  ...[
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Cookie',
    'Authorization',
    'X-Forwarded-For',
    'X-Forwarded-Anything',
    'Forwarded',
    'Via',
    'X-Real-IP',
    'Expect',
    'Max-Forwards',
  ].map((name) =>
    refused(40, `nominating ${name}`, get(`Connection: close, ${name.toLowerCase()}`)),
  ),
  refused(40, 'Connection that is not a list of tokens', get('Connection: a b')),
  refused(40, 'Connection with a quoted string', get('Connection: "close"')),
  passed(40, '32 options', get(`Connection: ${Array(32).fill('x').join(',')}`), sameGet()),
  refused(40, '33 options', get(`Connection: ${Array(33).fill('x').join(',')}`)),
  passed(
    41,
    'hop-by-hop fields go',
    get(
      'Proxy-Connection: keep-alive',
      'Keep-Alive: timeout=5',
      'TE: gzip',
      'Trailer: x',
      'Proxy-Authorization: Basic x',
      'Proxy-Authenticate: Basic',
      'HTTP2-Settings: x',
      'Upgrade: h2c',
      'A: 1',
    ),
    sameGet('A: 1'),
    { flags: GET },
  ),
  passed(41, 'TE: trailers is noticed and goes', get('TE: trailers'), sameGet(), {
    flags: GET | at.REQ_FLAG_TRAILERS,
  }),
  passed(
    42,
    'a WebSocket',
    get('Connection: keep-alive, Upgrade', ...upgrade),
    sameGet(...upgraded),
    { flags: GET | at.REQ_FLAG_UPGRADE },
  ),
  passed(42, 'without Connection: upgrade', get(...upgrade), sameGet(...upgrade.slice(1)), {
    flags: GET,
  }),
  passed(
    42,
    'without a key',
    get('Connection: upgrade', upgrade[0]!, upgrade[2]!),
    sameGet(upgrade[2]!),
    { flags: GET },
  ),
  passed(
    42,
    'without a version',
    get('Connection: upgrade', upgrade[0]!, upgrade[1]!),
    sameGet(upgrade[1]!),
    { flags: GET },
  ),
  passed(
    42,
    'with a nominated key',
    get('Connection: upgrade, sec-websocket-key', ...upgrade),
    sameGet(upgrade[2]!),
    { flags: GET },
  ),
  passed(
    42,
    'another protocol',
    get('Connection: upgrade', 'Upgrade: h2c', ...upgrade.slice(1)),
    sameGet(...upgrade.slice(1)),
    { flags: GET },
  ),
  passed(
    42,
    'two protocols',
    get('Connection: upgrade', 'Upgrade: websocket, h2c', ...upgrade.slice(1)),
    sameGet(...upgrade.slice(1)),
    { flags: GET },
  ),
  passed(
    42,
    'on 1.0',
    lines('GET / HTTP/1.0', 'Host: a.example', 'Connection: upgrade', ...upgrade),
    sameGet(...upgrade.slice(1)),
    { flags: SAFE },
  ),
  passed(42, 'with POST', post('Connection: upgrade', ...upgrade), samePost(...upgrade.slice(1)), {
    flags: KEEP,
  }),
  refused(42, 'with a length', get('Connection: upgrade', ...upgrade, 'Content-Length: 0')),
  refused(
    42,
    'with a chunked body',
    get('Connection: upgrade', ...upgrade, 'Transfer-Encoding: chunked'),
  ),
  passed(
    44,
    'Expect with a body',
    post('Expect: 100-Continue', 'Content-Length: 5'),
    samePost('Content-Length: 5', 'Expect: 100-continue'),
    {
      flags: KEEP | at.REQ_FLAG_EXPECT_CONTINUE,
      body: at.BODY_LENGTH,
    },
  ),
  passed(44, 'Expect without a body', get('Expect: 100-continue'), sameGet(), { flags: GET }),
  passed(
    44,
    'Expect with an empty body',
    post('Expect: 100-continue', 'Content-Length: 0'),
    samePost('Content-Length: 0'),
    { flags: KEEP },
  ),
  passed(
    44,
    'Expect on 1.0',
    lines('POST / HTTP/1.0', 'Host: a.example', 'Expect: 100-continue', 'Content-Length: 5'),
    samePost('Content-Length: 5'),
    { flags: 0 },
  ),
  refused(44, 'another expectation', post('Expect: 200-ok', 'Content-Length: 5'), 417),
  refused(
    44,
    'two expectations',
    post('Expect: 100-continue, 100-continue', 'Content-Length: 5'),
    417,
  ),
  refused(
    44,
    'Expect twice',
    post('Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 5'),
    417,
  ),
  passed(
    52,
    '1.0 never stays, whatever it says',
    lines('GET / HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'),
    sameGet(),
    { flags: SAFE },
  ),
  passed(53, 'close is heard', get('Connection: Close'), sameGet(), { flags: SAFE }),
  passed(53, 'close among others', get('Connection: keep-alive, close'), sameGet(), {
    flags: SAFE,
  }),
]

const forwarding: RequestCase[] = [
  passed(
    55,
    'Via of others stays',
    get('Via: 1.0 fred, 1.1 p.example'),
    sameGet('Via: 1.0 fred, 1.1 p.example'),
  ),
  passed(
    56,
    'what a client says about forwarding goes',
    get(
      'X-Forwarded-For: 1.2.3.4',
      'x-forwarded-for: 5.6.7.8',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: b',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Prefix: /x',
      'Forwarded: for=1.2.3.4',
      'X-Real-IP: 1.2.3.4',
      'X-Forwarde: stays',
    ),
    sameGet('X-Forwarde: stays'),
  ),
  passed(
    57,
    'order and repeated fields stay',
    get('B: 1', 'Cookie: a=1', 'A: 2', 'B: 3', 'Cookie: b=2'),
    sameGet('B: 1', 'Cookie: a=1', 'A: 2', 'B: 3', 'Cookie: b=2'),
  ),
  passed(
    58,
    'unknown fields stay as they are written',
    get('x-UNKNOWN-thing: Va"l, ue;=\\'),
    sameGet('x-UNKNOWN-thing: Va"l, ue;=\\'),
  ),
  passed(
    59,
    'Authorization is not touched',
    get('Authorization: Basic YTpi'),
    sameGet('Authorization: Basic YTpi'),
  ),
  passed(
    60,
    'conditions and ranges are forwarded',
    get('If-None-Match: "a", W/"b"', 'Range: bytes=0-1'),
    sameGet('If-None-Match: "a", W/"b"', 'Range: bytes=0-1'),
  ),
  passed(
    60,
    'HEAD',
    lines('HEAD / HTTP/1.1', 'Host: a.example'),
    ['HEAD / HTTP/1.1', 'Host: a.example', forwarded],
    { flags: KEEP | SAFE | HEAD },
  ),
  passed(
    60,
    'PUT and DELETE may be repeated',
    lines('DELETE / HTTP/1.1', 'Host: a.example'),
    ['DELETE / HTTP/1.1', 'Host: a.example', forwarded],
    { flags: GET },
  ),
]

const paths: RequestCase[] = [
  ...(
    [
      ['/%41%7e%2D%5f%2e%30', '/A~-_.0'],
      ['/%c3%a9%20', '/%C3%A9%20'],
      ['/%252f', '/%252f'],
      ['/a/./b', '/a/b'],
      ['/a/../b', '/b'],
      ['/a/b/..', '/a/'],
      ['/a/.', '/a/'],
      ['/.', '/'],
      ['/..', '/'],
      ['/../../a', '/a'],
      ['/%2e%2e/a', '/a'],
      ['/a/%2E/b', '/a/b'],
      ['/a/.%2e/b', '/b'],
      ['/a//b', '/a//b'],
      ['//a', '//a'],
      ['/a//../b', '/a/b'],
      ['/a/..;/b', '/a/..;/b'],
      ['/...', '/...'],
      ['/a/...b', '/a/...b'],
      ['/.a', '/.a'],
      ['/a/b/c/../../d', '/a/d'],
      ['/a;x=1/b,c', '/a;x=1/b,c'],
      ["/!$&'()*+,;=:@", "/!$&'()*+,;=:@"],
      ['/a?/../b', '/a?/../b'],
      ['/a?%41%2f%c3&b[]=1?', '/a?%41%2f%c3&b[]=1?'],
      ['/?', '/?'],
      ['/a/../?x', '/?x'],
      ['/%2e', '/'],
      ['/.%2e', '/'],
      ['/a.b/c', '/a.b/c'],
      ['/0123456789abcdef./x', '/0123456789abcdef./x'],
      ['/0123456789abcde/./x', '/0123456789abcde/x'],
      ['/0123456789abcd/../x', '/x'],
    ] as const
  ).map(([from, to]) => passed(61, `${from} is ${to}`, target(from), sameTarget(to))),
  ...['/a%2fb', '/a%2Fb', '/a%5cb', '/%5C', '/%00', '/a\\b'].map((path) =>
    refused(61, `${path} is refused`, target(path)),
  ),
]

export const requestCases: readonly RequestCase[] = [
  ...requestLines,
  ...hosts,
  ...fields,
  ...framing,
  ...connections,
  ...forwarding,
  ...paths,
]

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `X-${n}: ${n}`)
}

/** Fields that bring a head to `bytes`, none longer than a line may be. */
function fillers(bytes: number): string[] {
  const rest = bytes - get().length - 2 * 15_000
  return [15_000, 15_000, rest].map((lineBytes, n) => `X-${n}: `.padEnd(lineBytes - 2, 'x'))
}
