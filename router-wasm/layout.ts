/**
 * Where everything lies in the router's memory. Both sides import this file and nothing else names an
 * offset. The memory is fixed (initial == maximum), so views on it never detach.
 *
 *   0x00000  guard: never written, so that a null offset is seen
 *   0x00400  REQUEST words     what `scanRequest` found
 *   0x00600  VERDICT words     what `match`, `place`, `select` and the writer decided
 *   0x00800  RESPONSE words    what `scanResponse` found
 *   0x00a00  CHUNK words       state of one chunked body, copied in and out by the host
 *   0x00c00  SERVED            which of the two sides answers, and where each side lies
 *   0x01000  FIELDS            128 header fields, 24 bytes each
 *   0x02000  PATH              canonical path, 16 KiB
 *   0x06000  HOST              canonical host, 256 bytes
 *   0x06200  SETTINGS          strings that the host writes: Via pseudonym, Date, client address …
 *   0x08000  SCRATCH           matcher's work space, 32 KiB; a policy while a response head is written
 *   0x10000  AssemblyScript's static data
 *   0x20000  SLOTS             one per endpoint, stable across tables
 *   0x60000  LISTS             one word per backend: where its endpoint list lies
 *   0xa0000  first region that the host places: sides (two), endpoint lists, zones
 */

export const REQUEST = 0x0400
export const VERDICT = 0x0600
export const RESPONSE = 0x0800
export const CHUNK = 0x0a00
export const SERVED = 0x0c00
export const FIELDS = 0x1000
export const FIELD_BYTES = 24
export const FIELD_COUNT_MAX = 128
export const PATH = 0x2000
export const PATH_BYTES_MAX = 0x4000
export const HOST = 0x6000
export const HOST_BYTES_MAX = 256
export const SETTINGS = 0x6200
export const SCRATCH = 0x8000
export const SCRATCH_BYTES = 0x8000
/** In SCRATCH, behind what the matcher keeps of a path: the request's cookies (`assembly/cookies.ts`). */
export const COOKIES = SCRATCH + 0x5000
export const COOKIE_COUNT_MAX = 128
export const COOKIE_BYTES = 16
export const COOKIE_NAME = 0
export const COOKIE_NAME_BYTES = 4
export const COOKIE_VALUE = 8
export const COOKIE_VALUE_BYTES = 12
export const STATIC_DATA = 0x10000
export const SLOTS = 0x20000
export const SLOT_BYTES = 16
export const SLOT_COUNT_MAX = 16384
export const LISTS = 0x60000
export const BACKEND_COUNT_MAX = 65536
export const REGIONS = 0xa0000

// REQUEST words: byte offsets from REQUEST, each an i32.
export const REQ_METHOD_OFFSET = 0
export const REQ_METHOD_BYTES = 4
/** Canonical path (http-rules 61), in PATH; without the query. */
export const REQ_PATH_OFFSET = 8
export const REQ_PATH_BYTES = 12
/** The query with its `?`, where it landed; 0 bytes when there is none. */
export const REQ_QUERY_OFFSET = 16
export const REQ_QUERY_BYTES = 20
/** Canonical host (lower case, no port, no trailing dot), in HOST. */
export const REQ_HOST_OFFSET = 24
export const REQ_HOST_BYTES = 28
/** The authority as it is forwarded, where it landed. */
export const REQ_AUTHORITY_OFFSET = 32
export const REQ_AUTHORITY_BYTES = 36
export const REQ_FIELD_COUNT = 40
/** HTTP/1.x: 0 or 1. */
export const REQ_MINOR = 44
/** REQ_FLAG_* bits. */
export const REQ_FLAGS = 48
/** BODY_*. */
export const REQ_BODY = 52
/** Content-Length, as two halves of 2^32; at most 2^53. */
export const REQ_LENGTH_LOW = 56
export const REQ_LENGTH_HIGH = 60
/** Bytes of the head in the landing zone, leading empty lines included; also set with an error answer that may keep the connection. */
export const REQ_HEAD_BYTES = 64
/**
 * 1 when `request` returned a status of our own and the connection may go on after it: the head was
 * valid, had no body and asked to stay. The next request then starts REQ_HEAD_BYTES after `start`.
 */
export const REQ_MAY_CONTINUE = 68

export const REQ_FLAG_KEEP_ALIVE = 1
export const REQ_FLAG_UPGRADE = 2
export const REQ_FLAG_EXPECT_CONTINUE = 4
export const REQ_FLAG_HEAD = 8
/** RFC 9110 §9.2.2: GET, HEAD, OPTIONS, PUT, DELETE (TRACE is refused). */
export const REQ_FLAG_IDEMPOTENT = 16
/** `TE: trailers` was negotiated. */
export const REQ_FLAG_TRAILERS = 32

export const BODY_NONE = 0
export const BODY_LENGTH = 1
export const BODY_CHUNKED = 2
/** Responses only: the body ends when the backend closes. */
export const BODY_UNTIL_CLOSE = 3

// Limits of a head, request or response (http-rules 2, 8, 9, 27). A request beyond one is answered
// 400, 501, 414 or 431; a response is a 502.
/** Empty lines in front of a request line. */
export const EMPTY_LINES_MAX = 4
export const METHOD_BYTES_MAX = 32
export const TARGET_BYTES_MAX = 0x4000
/** Everything up to and with the empty line at the end. */
export const HEAD_BYTES_MAX = 0x8000
/** One field line without its line end. */
export const FIELD_LINE_BYTES_MAX = 0x4000
export const HEAD_FIELDS_MAX = 100
/** What a zone must be able to hold from `out` on: `request` and `response` write no byte beyond it. */
export const OUT_HEAD_BYTES_MAX = 0x10000
/** Memory that must exist behind `end` of everything scanned: 16 bytes are looked at in one step. */
export const READ_SLACK_BYTES = 64

// A field: byte offsets from its record.
export const FIELD_NAME_OFFSET = 0
export const FIELD_NAME_BYTES = 4
export const FIELD_VALUE_OFFSET = 8
export const FIELD_VALUE_BYTES = 12
/** FNV-1a of the lower-cased name; only after `hashNames`. */
export const FIELD_NAME_HASH = 16
/** FIELD_* bits. */
export const FIELD_FLAGS = 20
/** Hop-by-hop, nominated by Connection, or written by us: not forwarded. */
export const FIELD_DROP = 1
/** The line is `name: value` with one space and none behind: its bytes are already canonical. */
export const FIELD_PLAIN = 2
/** The name has characters besides letters, digits and hyphens (http-rules 26). */
export const FIELD_ODD = 4
/** A route adds to this field's value. */
export const FIELD_ADD = 8
/** Number of a known name in `known.ts`, shifted; 0 when unknown. */
export const FIELD_KNOWN_SHIFT = 8

// VERDICT words: byte offsets from VERDICT, each an i32.
/** Number of the matched route in the served table; -1 when none matched. */
export const VERDICT_ROUTE = 0
/**
 * Number of the release (backend); -1 when the position names none. The host gives a release its number
 * when it first sees it, so it means the same in every table: an exchange may keep it.
 */
export const VERDICT_BACKEND = 4
/** Slot of the endpoint; -1 when no endpoint is ready. */
export const VERDICT_SLOT = 8
/** Bytes written to the output zone. */
export const VERDICT_OUT_BYTES = 12
/** Bytes of the matched prefix in PATH, for the rewrite; -1 for an exact match. */
export const VERDICT_PREFIX_BYTES = 16

/** Offset of the matched route's policy in the served table, for the host to keep what it says; 0: none. */
export const VERDICT_POLICY = 44

/**
 * When `request` returned PREVIEW_LINK: LINK_IN_*, and where things landed: the token, the name in front of
 * it, and the query or the value of the Cookie field around both.
 */
export const VERDICT_LINK = 20
export const VERDICT_LINK_TOKEN = 24
export const VERDICT_LINK_TOKEN_END = 28
export const VERDICT_LINK_NAME = 32
export const VERDICT_LINK_AROUND = 36
export const VERDICT_LINK_AROUND_END = 40
export const LINK_IN_QUERY = 1
export const LINK_IN_COOKIE = 2
/** What `request` returns for a request that carries a preview link: the host decides. */
export const PREVIEW_LINK = -1

// RESPONSE words: byte offsets from RESPONSE, each an i32.
export const RES_STATUS = 0
/** BODY_* as it comes from the backend. */
export const RES_BODY = 4
/** Content-Length of what follows, as two halves of 2^32; 0 unless RES_BODY is BODY_LENGTH. */
export const RES_LENGTH_LOW = 8
export const RES_LENGTH_HIGH = 12
/** RES_FLAG_* bits. */
export const RES_FLAGS = 16
/**
 * BODY_* as the written head promises it to the client: BODY_LENGTH passes bytes as they are,
 * BODY_CHUNKED needs `chunk` (from chunked) or `frame` (from until-close), BODY_UNTIL_CLOSE sends plain
 * payload (`chunk` with CHUNK_FLAG_PLAIN, or bytes as they are) and then closes.
 */
export const RES_OUT_BODY = 20
/** Bytes of the head written to the output zone; 0 for an interim response that a 1.0 client must not see. */
export const RES_OUT_BYTES = 24
/** Bytes of the head in the landing zone; what `response` returned. */
export const RES_HEAD_BYTES = 28
export const RES_FIELD_COUNT = 32
/** The backend's HTTP/1.x: 0 or 1. */
export const RES_MINOR = 36

/** The backend's connection may carry another request once this body has ended as framed. */
export const RES_FLAG_KEEP_ALIVE = 1
/** The written head says `Connection: close`: the client's connection ends with this response. */
export const RES_FLAG_CLOSE = 2
/** 1xx (not 101): this is not the answer yet, another head follows. */
export const RES_FLAG_INTERIM = 4
/** 101 for a request with REQ_FLAG_UPGRADE: what follows is the tunnel. */
export const RES_FLAG_UPGRADE = 8

// CHUNK words: byte offsets from CHUNK, each an i32. The first six are the state of one chunked body:
// all zero at its start, copied in before and out after each call by the host.
export const CHUNK_STATE_WORDS = 6
/** Place in the grammar: `chunk.ts`. */
export const CHUNK_PHASE = 0
/** Payload bytes of the present chunk that are still to come, as two halves of 2^32. */
export const CHUNK_LEFT_LOW = 4
export const CHUNK_LEFT_HIGH = 8
/** Bytes of the present chunk or trailer line so far. */
export const CHUNK_LINE_BYTES = 12
/** Bytes of extensions and trailers in this message so far. */
export const CHUNK_EXTRA_BYTES = 16
/** Trailer fields so far. */
export const CHUNK_TRAILERS = 20
// Results of one call.
/** Bytes written to the output. */
export const CHUNK_OUT_BYTES = 24
/** Payload bytes among them: count these against a body limit. */
export const CHUNK_PAYLOAD_BYTES = 28
/** 1 when the message has ended: bytes after the consumed ones belong to the next message. */
export const CHUNK_ENDED = 32

/** Write payload without framing, for a client that cannot read chunks (HTTP/1.0). */
export const CHUNK_FLAG_PLAIN = 1
/** Added to the bytes consumed by one call: the most that its output can be. */
export const CHUNK_OUT_EXTRA_BYTES = 32

// Limits of a chunked body (http-rules 33-35): 400 beyond them.
/** A chunk line with its extensions, or a trailer line; without its line end. */
export const CHUNK_LINE_BYTES_MAX = 1024
/** Extensions and trailers of one message together. */
export const CHUNK_EXTRA_BYTES_MAX = 0x4000
export const CHUNK_TRAILERS_MAX = 100

// SETTINGS: strings that the host writes (`settings.ts`), each an i32 of bytes and the bytes behind it.
/** IMF-fixdate, at most 60 bytes; 0 bytes: no Date is added. */
export const SETTING_DATE = SETTINGS
/** Our pseudonym in Via, a token. */
export const SETTING_VIA = SETTINGS + 0x40
export const SETTING_VIA_BYTES_MAX = 0x7c
/** Whole lines with their ends: X-Forwarded-For, -Proto, -Port and X-Real-IP of this connection. */
export const SETTING_FORWARDED = SETTINGS + 0x100
export const SETTING_FORWARDED_BYTES_MAX = 0x1fc
/** `X-Forwarded-For: ` in front of the client's address, which ends with its line. */
export const SETTING_FORWARDED_ADDRESS = 17
/** Our own pseudonym may be in a request's Via this often; then it is a loop: 508 (http-rules 55). */
export const VIA_LOOPS_MAX = 4

// SERVED: one word says which side answers (0: none), so that a flip is one store. A side is a table and
// what is applied to it by name: where each app's position lies and which number each backend has.
//
//   side 0 or 1:  table (verified) │ positions, one per app │ backend numbers, one word per table backend
export const SIDES = SERVED + 16
export const SIDE_BYTES = 16
export const SIDE_TABLE = 0
export const SIDE_POSITIONS = 4
export const SIDE_BACKENDS = 8

// A position: byte offsets from its record; each an i32.
/** Apps in one table; what one side keeps for them. */
export const APP_COUNT_MAX = 10_000
export const POSITION_BYTES = 356
/** As two halves of 2^32; meaningless while POSITION_APPLIED is 0. */
export const POSITION_GENERATION_LOW = 0
export const POSITION_GENERATION_HIGH = 4
export const POSITION_APPLIED = 8
/** Releases with a weight above 0. */
export const POSITION_COUNT = 12
/** Sum of the weights: after as many requests each release has had exactly its weight of them. */
export const POSITION_TOTAL = 16
/** How users are split: SPLIT_*. */
export const POSITION_SPLIT = 20
export const POSITION_WEIGHTS = 24
export const POSITION_WEIGHT_COUNT_MAX = 16
/** Behind the weights: the seed, and the name of the header (lower case) or cookie that is the key. */
export const POSITION_SEED = 216
export const POSITION_KEY_BYTES = 220
export const POSITION_KEY = 224
export const POSITION_KEY_BYTES_MAX = 128

/** By turns; by the value of a header; by the value of a cookie. */
export const SPLIT_NONE = 0
export const SPLIT_HEADER = 1
export const SPLIT_COOKIE = 2

// A weight: byte offsets from its record.
export const WEIGHT_BYTES = 12
export const WEIGHT_BACKEND = 0
export const WEIGHT_SHARE = 4
/** What the release is owed, in shares times requests (`position.ts`). */
export const WEIGHT_OWED = 8

// An endpoint list: never changed once its offset is in LISTS, but for the start.
export const LIST_COUNT = 0
/** Index at which the next search begins. */
export const LIST_START = 4
export const LIST_SLOTS = 8

// A slot: byte offsets from its record.
/** Requests between `select` and `release`. */
export const SLOT_IN_FLIGHT = 0
/** Of the endpoint's address and port: the same at every agent. */
export const SLOT_HASH = 4
