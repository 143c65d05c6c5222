/** Cases of Host, field lines and the framing of a request's body. */
import {
  get,
  host,
  KEEP,
  lines,
  numbered,
  passed,
  post,
  type RequestCase,
  refused,
  sameGet,
  samePost,
} from './http-case.ts'
import * as at from './layout.ts'

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

export const fieldCases: readonly RequestCase[] = [...hosts, ...fields, ...framing]

/** Fields that bring a head to `bytes`, none longer than a line may be. */
function fillers(bytes: number): string[] {
  const rest = bytes - get().length - 2 * 15_000
  return [15_000, 15_000, rest].map((lineBytes, n) => `X-${n}: `.padEnd(lineBytes - 2, 'x'))
}
