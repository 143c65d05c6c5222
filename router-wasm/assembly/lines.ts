/**
 * Hot path. Field lines into an output. A line whose bytes were canonical when they came (FIELD_PLAIN) is
 * copied as it is, and neighbours of that kind as one run: its name and value have been validated, so the
 * bytes are the ones that writing them anew would give. Order is kept (http-rules 57).
 */
import {
  FIELD_ADD,
  FIELD_DROP,
  FIELD_FLAGS,
  FIELD_KNOWN_SHIFT,
  FIELD_NAME_BYTES,
  FIELD_NAME_OFFSET,
  FIELD_PLAIN,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
} from '../layout.ts'
import { copy, lineEnd } from './bytes.ts'
import { fieldAt, fieldCount } from './fields.ts'
import { bit } from './known.ts'

/**
 * Writes all fields but those with FIELD_DROP or FIELD_ADD or with a known name in `dropped`. A line grows
 * by at most one byte (the space after its colon).
 */
export function writeFields(out: i32, dropped: u64): i32 {
  let to = out
  let run = 0
  let runEnd = 0
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    const flags = load<i32>(field, FIELD_FLAGS)
    if ((flags & (FIELD_DROP | FIELD_ADD)) !== 0) continue
    if ((dropped & bit(flags >>> FIELD_KNOWN_SHIFT)) !== 0) continue
    const name = load<i32>(field, FIELD_NAME_OFFSET)
    const value = load<i32>(field, FIELD_VALUE_OFFSET)
    const valueEnd = value + load<i32>(field, FIELD_VALUE_BYTES)
    if ((flags & FIELD_PLAIN) !== 0 && name === runEnd) {
      runEnd = valueEnd + 2
      continue
    }
    to = copy(to, run, runEnd - run)
    run = 0
    runEnd = 0
    if ((flags & FIELD_PLAIN) !== 0) {
      run = name
      runEnd = valueEnd + 2
    } else {
      to = writeField(to, name, load<i32>(field, FIELD_NAME_BYTES), value, valueEnd - value)
    }
  }
  return copy(to, run, runEnd - run)
}

/** `name: value`; `name:` when the value is empty. */
export function writeField(out: i32, name: i32, nameBytes: i32, value: i32, valueBytes: i32): i32 {
  let to = copy(out, name, nameBytes)
  store<u8>(to++, 0x3a)
  if (valueBytes > 0) {
    store<u8>(to++, 0x20)
    to = copy(to, value, valueBytes)
  }
  return lineEnd(to)
}
