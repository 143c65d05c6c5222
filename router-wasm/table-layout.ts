/**
 * The table's image: one relocatable run of bytes, little-endian, every offset relative to its start and a
 * multiple of 4. `encode.ts` writes it, `verify.ts` checks it once, `match.ts` and `table.ts` read it. A
 * change of what former tables have is a new TABLE_FORMAT: agents start from files of former versions.
 *
 *   header
 *   text           everything that is compared or written, each string once
 *   conditions     header matches, shared by equal matches
 *   filters        rewrites and header changes, shared by equal routes; behind some a policy
 *   methods, apps, backends, routes
 *   hosts          depths that occur below it, name
 *   nodes          host, path, its matches in order of precedence (exact ones first)
 *   host slots     hash, host            ┐ open addressing, linear; a search ends at an empty slot or after
 *   path slots     part of a hash, node  ┘ PROBES_MAX steps
 *   tail           zeros, because 32 bytes are compared in one step
 */

export const TABLE_MAGIC = 0x54524d53
export const TABLE_FORMAT = 1

// Header: byte offsets, each an i32.
export const TABLE_MAGIC_AT = 0
export const TABLE_FORMAT_AT = 4
/** Bytes of the whole image. */
export const TABLE_BYTES = 8
/** `checksum` over everything behind this word. */
export const TABLE_CHECKSUM = 12
export const TABLE_SEED = 16
/** Longest path that a node has, in segments. */
export const TABLE_DEPTH_MAX = 20
/** Longest path that a node has, in bytes. */
export const TABLE_PATH_BYTES_MAX = 24
/** Slots are a power of two; a mask is one less. */
export const TABLE_HOST_SLOTS = 80
export const TABLE_HOST_MASK = 28
export const TABLE_PATH_SLOTS = 32
export const TABLE_PATH_MASK = 36
export const TABLE_METHODS = 40
export const TABLE_METHOD_COUNT = 44
export const TABLE_ROUTES = 48
export const TABLE_ROUTE_COUNT = 52
export const TABLE_APPS = 56
export const TABLE_APP_COUNT = 60
export const TABLE_BACKENDS = 64
export const TABLE_BACKEND_COUNT = 68
/** A bit for each number of labels that some wildcard host has behind its `*`; bit 63: 63 or more; bit 0: `*` alone. */
export const TABLE_WILDCARDS = 72
export const TABLE_HEADER_BYTES = 84
/** Zeros at the end. */
export const TABLE_TAIL_BYTES = 32

/** No entry is further than this from the slot of its hash; the compiler seeds anew until that holds. */
export const PROBES_MAX = 128
export const SLOT_MASK_MAX = 0x3fffff

// A slot of hosts. Offset 0: empty.
export const ENTRY_BYTES = 8
export const ENTRY_HASH = 0
export const ENTRY_OFFSET = 4

// A host. Wildcards are kept as `.example.com`, which no canonical host can be, and `*` alone as `.`.
export const ANY_HOST_BYTE = 0x2e
/** Depths (segments) at which it has prefixes, and at which it has anything; bit 63: 63 or deeper. */
export const HOST_PREFIX_DEPTHS = 0
export const HOST_DEPTHS = 8
export const HOST_NAME_BYTES = 16
export const HOST_NAME = 20

// A slot of paths, one word: the node's offset, which is a multiple of 8, and the hash's bits above those.
// 100,000 routes have 1 MiB of slots, which stays in a core's cache.
export const NODE_ALIGN_BITS = 3
export const NODE_OFFSET_BITS = 22
export const NODE_OFFSET_MASK = 0x3fffff

// A node: what one host has at one path. The path of a prefix has no trailing slash; `/` has 0 bytes.
export const NODE_HOST = 0
/** u16 */
export const NODE_PATH_BYTES = 4
/** u8 each: matches that need the whole path, then matches that need it as a prefix. */
export const NODE_EXACT_COUNT = 6
export const NODE_PREFIX_COUNT = 7
/** The path; its matches follow at the next multiple of 4. */
export const NODE_PATH = 8

export const MATCH_BYTES = 12
export const MATCH_ROUTE = 0
export const MATCH_CONDITIONS = 4
/** u8: number of the method from 1 on; 0 is any. */
export const MATCH_METHOD = 8
/** u8 */
export const MATCH_CONDITION_COUNT = 9
/** u16 over both: 0 when the path alone decides. */
export const MATCH_NEEDS = 8

/**
 * A header that the request must have: hash and text of its lower-case name, its exact value. A cookie
 * has CONDITION_COOKIE added to the bytes of its name, which is compared as it is; its hash is not used.
 */
export const CONDITION_BYTES = 20
export const CONDITION_NAME_HASH = 0
export const CONDITION_NAME = 4
export const CONDITION_NAME_BYTES = 8
export const CONDITION_VALUE = 12
export const CONDITION_VALUE_BYTES = 16
export const CONDITION_COOKIE = 0x10000

/** The first 8 bytes as a word, zeros behind; then all of it. */
export const METHOD_BYTES = 16
export const METHOD_WORD = 0
export const METHOD_TEXT = 8
export const METHOD_TEXT_BYTES = 12
export const METHOD_COUNT_MAX = 255

export const ROUTE_BYTES = 12
export const ROUTE_APP = 0
/** Number of the backend in this table, or one of the two below. */
export const ROUTE_BACKEND = 4
/** The app's position decides. */
export const BACKEND_BY_POSITION = -1
/** A preview of a release that has no backend. */
export const BACKEND_MISSING = -2
/** 0: none. */
export const ROUTE_FILTERS = 8

/** An app or a backend (a release, or a Service at a port): its name. A backend that preview links may lead to has NAME_LINKS added to the bytes. */
export const NAME_BYTES = 8
export const NAME_TEXT = 0
export const NAME_TEXT_BYTES = 4
export const NAME_LINKS = 0x10000

/** u16; behind it FILTERS_FLAGS. */
export const FILTERS_PATH_KIND = 0
/** u16 of FILTERS_HAS_*. */
export const FILTERS_FLAGS = 2
/** A policy lies behind the changes. */
export const FILTERS_HAS_POLICY = 1
export const FILTERS_PATH = 4
export const FILTERS_PATH_BYTES = 8
/** 0 bytes: the host stays. */
export const FILTERS_HOST = 12
export const FILTERS_HOST_BYTES = 16
export const FILTERS_CHANGE_COUNT = 20
export const FILTERS_CHANGES = 24
/** What a list of changes is, here and in a policy: the count, and the records behind it. */
export const CHANGES_COUNT = 0
export const CHANGES_RECORDS = 4
export const CHANGE_COUNT_MAX = 96
export const CHANGE_BYTES = 20
export const CHANGE_KIND = 0
export const CHANGE_NAME = 4
export const CHANGE_NAME_BYTES = 8
export const CHANGE_VALUE = 12
export const CHANGE_VALUE_BYTES = 16

export const PATH_KEPT = 0
export const PATH_REPLACED = 1
export const PREFIX_REPLACED = 2

export const CHANGE_SET = 1
export const CHANGE_ADD = 2
export const CHANGE_REMOVE = 3

// A policy: what a route asks for the time after its request was matched. It refers to itself alone, so that a
// copy outlives the table; all offsets are relative to its start. Times are in milliseconds, 0: none of its own.
/** Of all of it, its texts included: a multiple of 4. */
export const POLICY_BYTES = 0
export const POLICY_REQUEST_MS = 4
export const POLICY_BACKEND_REQUEST_MS = 8
export const POLICY_CONNECT_MS = 12
export const POLICY_IDLE_MS = 16
export const POLICY_TUNNEL_IDLE_MS = 20
/** BALANCE_* */
export const POLICY_BALANCE = 24
/** Lower-case name of the header of BALANCE_HEADER. */
export const POLICY_KEY = 28
export const POLICY_KEY_BYTES = 32
/** Changes of the response. */
export const POLICY_CHANGE_COUNT = 36
export const POLICY_CHANGES = 40
export const POLICY_BYTES_MAX = 0x5000

/** The fewest requests in progress, equal ones in turn. */
export const BALANCE_LEAST = 0
export const BALANCE_TURNS = 1
export const BALANCE_RANDOM = 2
// The same endpoint for the same: address of the client, canonical path, value of a header.
export const BALANCE_ADDRESS = 3
export const BALANCE_PATH = 4
export const BALANCE_HEADER = 5

// Maxima that `verify` holds a table to; those of `wire/limits.ts`, as a test checks.
export const DEPTH_MAX = 1024
export const MATCHES_PER_PATH_MAX = 64
/** As many headers and as many cookies. */
export const CONDITIONS_PER_MATCH_MAX = 32
export const HEADER_NAME_BYTES_MAX = 128
export const HEADER_VALUE_BYTES_MAX = 4096
export const PATH_VALUE_BYTES_MAX = 1024
export const NAME_TEXT_BYTES_MAX = 143

// What `verify` returns: the first thing that is wrong.
export const VERIFY_LENGTH = -1
export const VERIFY_MAGIC = -2
export const VERIFY_FORMAT = -3
export const VERIFY_CHECKSUM = -4
export const VERIFY_DEPTH = -5
export const VERIFY_METHODS = -6
export const VERIFY_APPS = -7
export const VERIFY_BACKENDS = -8
export const VERIFY_ROUTES = -9
export const VERIFY_HOSTS = -10
export const VERIFY_NODES = -11
export const VERIFY_CONDITIONS = -12
