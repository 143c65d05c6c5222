/** Cases of the connection and of forwarding: nominated and hop-by-hop fields, upgrades, expectations, what stays. */
import {
  forwarded,
  GET,
  get,
  KEEP,
  lines,
  passed,
  post,
  type RequestCase,
  refused,
  SAFE,
  sameGet,
  samePost,
} from './http-case.ts'
import * as at from './layout.ts'

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
    { flags: GET | at.REQ_FLAG_HEAD },
  ),
  passed(
    60,
    'PUT and DELETE may be repeated',
    lines('DELETE / HTTP/1.1', 'Host: a.example'),
    ['DELETE / HTTP/1.1', 'Host: a.example', forwarded],
    { flags: GET },
  ),
]

export const connectionCases: readonly RequestCase[] = [...connections, ...forwarding]
