/** The status lines that we write: the registered reason phrases (RFC 9110 §15, IANA), never the backend's. */
import { copy, decimal, lineEnd, word } from './bytes.ts'

const PHRASES =
  '100 Continue|101 Switching Protocols|102 Processing|103 Early Hints|200 OK|201 Created|202 Accepted|' +
  '203 Non-Authoritative Information|204 No Content|205 Reset Content|206 Partial Content|' +
  '207 Multi-Status|208 Already Reported|226 IM Used|300 Multiple Choices|301 Moved Permanently|' +
  '302 Found|303 See Other|304 Not Modified|305 Use Proxy|307 Temporary Redirect|' +
  '308 Permanent Redirect|400 Bad Request|401 Unauthorized|402 Payment Required|403 Forbidden|' +
  '404 Not Found|405 Method Not Allowed|406 Not Acceptable|407 Proxy Authentication Required|' +
  '408 Request Timeout|409 Conflict|410 Gone|411 Length Required|412 Precondition Failed|' +
  '413 Content Too Large|414 URI Too Long|415 Unsupported Media Type|416 Range Not Satisfiable|' +
  '417 Expectation Failed|421 Misdirected Request|422 Unprocessable Content|423 Locked|' +
  '424 Failed Dependency|425 Too Early|426 Upgrade Required|428 Precondition Required|' +
  '429 Too Many Requests|431 Request Header Fields Too Large|451 Unavailable For Legal Reasons|' +
  '500 Internal Server Error|501 Not Implemented|502 Bad Gateway|503 Service Unavailable|' +
  '504 Gateway Timeout|505 HTTP Version Not Supported|506 Variant Also Negotiates|' +
  '507 Insufficient Storage|508 Loop Detected|510 Not Extended|511 Network Authentication Required|'

const STATUS_MIN = 100
const STATUS_MAX = 599
/** For each status the offset of its phrase in TEXT and its bytes, two u16. */
const INDEX: i32 = <i32>memory.data(2000)
const TEXT: i32 = <i32>memory.data(2048)

const HTTP11: u64 = word('HTTP/1.1')

/** `HTTP/1.1`, the status, its phrase if it has a registered one, and the line end. */
export function writeStatusLine(out: i32, status: i32): i32 {
  assert(status >= STATUS_MIN && status <= STATUS_MAX)
  store<u64>(out, HTTP11)
  store<u8>(out, 0x20, 8)
  const entry = INDEX + ((status - STATUS_MIN) << 2)
  let to = decimal(out + 9, status)
  store<u8>(to++, 0x20)
  return lineEnd(copy(to, TEXT + <i32>load<u16>(entry), load<u16>(entry, 2)))
}

function fill(): void {
  let status = 0
  let from = 0
  for (let i = 0; i < PHRASES.length; i++) {
    const c = PHRASES.charCodeAt(i)
    store<u8>(TEXT + i, <u8>c)
    if (c === 0x7c) {
      const entry = INDEX + ((status - STATUS_MIN) << 2)
      store<u16>(entry, <u16>from)
      store<u16>(entry, <u16>(i - from), 2)
      status = 0
    } else if (c >= 0x30 && c <= 0x39) {
      status = status * 10 + c - 0x30
      // The phrase begins behind the space.
      from = i + 2
    }
  }
  assert(PHRASES.length <= 2048 - 16)
}
fill()
