/**
 * Hot path. Chunked bodies (RFC 9112 §7.1, http-rules 4, 33-35), both ways at once: bytes of a foreign
 * chunking go in, our own chunking comes out. Extensions and trailers are checked, counted and dropped.
 * All payload of one call becomes one chunk, so that a backend's small chunks do not stay small:
 *
 *   in    4;a=b CRLF data CRLF 3 CRLF da        state: phase, bytes left, counts
 *   out   6 CRLF datada CRLF
 *
 * The grammar is a machine over single bytes, because a read may end anywhere; payload is copied in runs.
 */
import {
  CHUNK,
  CHUNK_ENDED,
  CHUNK_EXTRA_BYTES,
  CHUNK_EXTRA_BYTES_MAX,
  CHUNK_FLAG_PLAIN,
  CHUNK_LEFT_LOW,
  CHUNK_LINE_BYTES,
  CHUNK_LINE_BYTES_MAX,
  CHUNK_OUT_BYTES,
  CHUNK_PAYLOAD_BYTES,
  CHUNK_PHASE,
  CHUNK_TRAILERS,
  CHUNK_TRAILERS_MAX,
} from '../layout.ts'
import { hex, hexDigits, lineEnd } from './bytes.ts'
import { hexDigit, isSpace, lowerToken } from './characters.ts'

// Phases. 0 is the start of a body, so that a zeroed state is one.
const SIZE_FIRST = 0
const SIZE = 1
const EXTENSION_NAME_FIRST = 2
const EXTENSION_NAME = 3
const EXTENSION_VALUE_FIRST = 4
const EXTENSION_TOKEN = 5
const EXTENSION_QUOTED = 6
const EXTENSION_ESCAPE = 7
const EXTENSION_END = 8
const SIZE_LF = 9
const DATA = 10
const DATA_CR = 11
const DATA_LF = 12
const TRAILER_FIRST = 13
const TRAILER_NAME = 14
const TRAILER_VALUE = 15
const TRAILER_LF = 16
const END_LF = 17
const ENDED = 18
const BROKEN = 19

const CR = 0x0d
const LF = 0x0a
const SIZE_DIGITS_MAX = 16
/** 2^53: more could not be counted by the host. */
const SIZE_MAX: u64 = 0x20000000000000
/** Around the payload of a call: its line end and the last chunk. */
const FRAME_END_BYTES = 7

/**
 * Decodes `start`…`end` into at most `outBytes` at `out` by the state in CHUNK. Returns the bytes consumed,
 * or -400; the CHUNK words say the rest. Bytes behind the message's end are not consumed.
 */
export function chunk(start: i32, end: i32, out: i32, outBytes: i32, flags: i32): i32 {
  assert(start > 0 && end >= start && out > 0 && outBytes >= 64)
  const plain = (flags & CHUNK_FLAG_PLAIN) !== 0
  // The size line is written last but stands first: its digits are reserved by the most there can be.
  const digits = plain ? 0 : hexDigits(min(end - start, outBytes))
  const payload = plain ? out : out + digits + 2
  const payloadStop = plain ? out + outBytes : out + outBytes - FRAME_END_BYTES
  let to = payload
  let at = start
  let phase = load<i32>(CHUNK, CHUNK_PHASE)
  let left = load<u64>(CHUNK, CHUNK_LEFT_LOW)
  let line = load<i32>(CHUNK, CHUNK_LINE_BYTES)
  let extra = load<i32>(CHUNK, CHUNK_EXTRA_BYTES)
  assert(phase >= SIZE_FIRST && phase <= BROKEN)

  while (at < end && phase < ENDED) {
    if (phase === DATA) {
      const bytes = min(min(<i32>min<u64>(left, 0x7fffffff), end - at), payloadStop - to)
      if (bytes === 0) break
      memory.copy(to, at, bytes)
      to += bytes
      at += bytes
      left -= bytes
      if (left === 0) phase = DATA_CR
      continue
    }
    const byte = <i32>load<u8>(at++)
    if (phase <= SIZE && hexDigit(byte) >= 0) {
      left = (left << 4) | hexDigit(byte)
      phase = ++line > SIZE_DIGITS_MAX || left > SIZE_MAX ? BROKEN : SIZE
    } else if (phase === DATA_CR) {
      phase = byte === CR ? DATA_LF : BROKEN
    } else if (phase === DATA_LF) {
      phase = byte === LF ? SIZE_FIRST : BROKEN
      line = 0
    } else if (phase === SIZE_LF) {
      phase = byte !== LF ? BROKEN : left === 0 ? TRAILER_FIRST : DATA
      line = 0
    } else if (phase === END_LF) {
      phase = byte === LF ? ENDED : BROKEN
    } else if (phase === TRAILER_LF) {
      phase = byte === LF ? TRAILER_FIRST : BROKEN
      line = 0
    } else if (phase === TRAILER_FIRST && byte === CR) {
      phase = END_LF
    } else {
      phase = phase < SIZE_LF ? sizePhase(phase, byte) : trailerPhase(phase, byte)
      if (phase !== SIZE_LF && phase !== TRAILER_LF) {
        if (++line > CHUNK_LINE_BYTES_MAX || ++extra > CHUNK_EXTRA_BYTES_MAX) phase = BROKEN
      }
    }
  }

  store<i32>(CHUNK, phase, CHUNK_PHASE)
  store<u64>(CHUNK, left, CHUNK_LEFT_LOW)
  store<i32>(CHUNK, line, CHUNK_LINE_BYTES)
  store<i32>(CHUNK, extra, CHUNK_EXTRA_BYTES)
  store<i32>(CHUNK, phase === ENDED ? 1 : 0, CHUNK_ENDED)
  store<i32>(CHUNK, to - payload, CHUNK_PAYLOAD_BYTES)
  if (phase === BROKEN) {
    store<i32>(CHUNK, 0, CHUNK_OUT_BYTES)
    return -400
  }
  if (!plain) {
    to = closeFrame(out, payload, to)
    // Only the call in which the message ends writes its last chunk.
    if (phase === ENDED && at > start) to += frameEnd(to)
  }
  store<i32>(CHUNK, to - out, CHUNK_OUT_BYTES)
  return at - start
}

/** Puts size and line ends around a payload; returns the offset behind the frame. */
function closeFrame(out: i32, payload: i32, end: i32): i32 {
  const bytes = end - payload
  if (bytes === 0) return out
  const digits = hexDigits(bytes)
  // One digit less than reserved, when the payload fell below a power of 16: close the gap.
  if (out + digits + 2 !== payload) memory.copy(out + digits + 2, payload, bytes)
  return lineEnd(lineEnd(hex(out, bytes, digits)) + bytes)
}

/** Behind the digits: the line end or `chunk-ext`, strictly: no white space. Returns the next phase. */
function sizePhase(phase: i32, byte: i32): i32 {
  if (phase <= SIZE) {
    if (phase === SIZE_FIRST) return BROKEN
    return byte === CR ? SIZE_LF : byte === 0x3b ? EXTENSION_NAME_FIRST : BROKEN
  }
  if (phase === EXTENSION_QUOTED) {
    if (byte === 0x22) return EXTENSION_END
    if (byte === 0x5c) return EXTENSION_ESCAPE
    return isText(byte) ? EXTENSION_QUOTED : BROKEN
  }
  if (phase === EXTENSION_ESCAPE) return isText(byte) ? EXTENSION_QUOTED : BROKEN
  if (phase === EXTENSION_VALUE_FIRST && byte === 0x22) return EXTENSION_QUOTED
  if (phase !== EXTENSION_END && lowerToken(byte) !== 0) {
    return phase === EXTENSION_NAME_FIRST || phase === EXTENSION_NAME
      ? EXTENSION_NAME
      : EXTENSION_TOKEN
  }
  if (phase === EXTENSION_NAME_FIRST || phase === EXTENSION_VALUE_FIRST) return BROKEN
  if (byte === 0x3d && phase === EXTENSION_NAME) return EXTENSION_VALUE_FIRST
  if (byte === 0x3b) return EXTENSION_NAME_FIRST
  return byte === CR ? SIZE_LF : BROKEN
}

/** A trailer line, by the rules of a field line. Returns the next phase. */
function trailerPhase(phase: i32, byte: i32): i32 {
  if (phase === TRAILER_VALUE)
    return byte === CR ? TRAILER_LF : isText(byte) ? TRAILER_VALUE : BROKEN
  if (lowerToken(byte) !== 0) {
    if (phase === TRAILER_NAME) return TRAILER_NAME
    const trailers = load<i32>(CHUNK, CHUNK_TRAILERS) + 1
    store<i32>(CHUNK, trailers, CHUNK_TRAILERS)
    return trailers > CHUNK_TRAILERS_MAX ? BROKEN : TRAILER_NAME
  }
  return byte === 0x3a && phase === TRAILER_NAME ? TRAILER_VALUE : BROKEN
}

function isText(byte: i32): bool {
  return (byte >= 0x20 && byte !== 0x7f) || isSpace(byte)
}

/** Writes `start`…`end` as one chunk; nothing when it is empty, because an empty chunk ends a message. */
export function frame(start: i32, end: i32, out: i32): i32 {
  assert(start > 0 && end >= start && out > 0)
  const bytes = end - start
  if (bytes === 0) return 0
  const payload = out + hexDigits(bytes) + 2
  memory.copy(payload, start, bytes)
  return closeFrame(out, payload, payload + bytes) - out
}

/** `0 CRLF CRLF`, which ends a message; returns its bytes. */
export function frameEnd(out: i32): i32 {
  store<u8>(out, 0x30)
  store<u32>(out, 0x0a0d0a0d, 1)
  return 5
}
