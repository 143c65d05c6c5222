/**
 * Where everything lies in the router's memory. Both sides import this file and nothing else names an
 * offset. The memory is fixed (initial == maximum), so views on it never detach.
 *
 *   0x00000  guard: never written, so that a null offset is seen
 *   0x00400  REQUEST words     what `scanRequest` found
 *   0x00600  VERDICT words     what `match`, `place`, `select` and the writer decided
 *   0x00800  RESPONSE words    what `scanResponse` found
 *   0x00a00  CHUNK words       state of one chunked body, copied in and out by the host
 *   0x01000  FIELDS            128 header fields, 24 bytes each
 *   0x02000  PATH              canonical path, 16 KiB
 *   0x06000  HOST              canonical host, 256 bytes
 *   0x06200  SETTINGS          strings that the host writes: Via pseudonym, Date, client address …
 *   0x08000  SCRATCH           matcher's work space, 32 KiB
 *   0x10000  AssemblyScript's static data
 *   0x20000  SLOTS             one per endpoint, stable across tables
 *   0x60000  first region that the host places: tables (two), endpoint lists, zones
 */

export const REQUEST = 0x0400
export const VERDICT = 0x0600
export const RESPONSE = 0x0800
export const CHUNK = 0x0a00
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
export const STATIC_DATA = 0x10000
export const SLOTS = 0x20000
export const SLOT_BYTES = 16
export const SLOT_COUNT_MAX = 16384
export const REGIONS = 0x60000

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
/** Bytes of the head in the landing zone, leading empty line included. */
export const REQ_HEAD_BYTES = 64

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

// A field: byte offsets from its record.
export const FIELD_NAME_OFFSET = 0
export const FIELD_NAME_BYTES = 4
export const FIELD_VALUE_OFFSET = 8
export const FIELD_VALUE_BYTES = 12
/** FNV-1a of the lower-cased name. */
export const FIELD_NAME_HASH = 16
/** FIELD_DROP bits: hop-by-hop, nominated or re-written by us. */
export const FIELD_FLAGS = 20
export const FIELD_DROP = 1

// VERDICT words: byte offsets from VERDICT, each an i32.
/** Number of the matched route in the served table; -1 when none matched. */
export const VERDICT_ROUTE = 0
/** Number of the release (backend) in the served table; -1 when the position names none. */
export const VERDICT_BACKEND = 4
/** Slot of the endpoint; -1 when no endpoint is ready. */
export const VERDICT_SLOT = 8
/** Bytes written to the output zone. */
export const VERDICT_OUT_BYTES = 12
/** Bytes of the matched prefix in PATH, for the rewrite; -1 for an exact match. */
export const VERDICT_PREFIX_BYTES = 16
