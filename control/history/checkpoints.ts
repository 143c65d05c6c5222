/**
 * Whole states in the history's database, so that control starts from the newest and folds only what came
 * after it. A checkpoint counts once its row is there, with the digest of its texts; two are kept, in case
 * the newer one cannot be read.
 */
import { sha256Hex } from '#wire/sha256.ts'
import type { State } from '../domain/state.ts'
import { partsOf } from '../log/parts.ts'
import { createUnpacker, packed } from './packed.ts'
import type { Pause } from './pause.ts'
import { rowCharsMax, type Sql } from './sql.ts'

const kept = 2
/** A state beyond this is folded anew at each start rather than fill the disk. */
export const checkpointBytesMax = 268_435_456

interface Row {
  readonly position: number
  readonly texts: number
  readonly bytes: number
  readonly digest: string
}

/** The newest one at or before `position` that is whole; null: none. */
export function loadCheckpoint(sql: Sql, position: number): State | null {
  const rows = sql.all<Row>(
    'SELECT * FROM checkpoints WHERE position <= ? ORDER BY position DESC',
    position,
  )
  for (const row of rows) {
    const state = stateOf(sql, row)
    if (state) return state
  }
  return null
}

function stateOf(sql: Sql, { position, texts, digest }: Row): State | null {
  const rows = sql.all<{ number: number; text: string }>(
    'SELECT number, text FROM checkpoint_texts WHERE position = ? ORDER BY number, part',
    position,
  )
  const whole: string[] = []
  for (const { number, text } of rows) whole[number] = (whole[number] ?? '') + text
  if (whole.length !== texts || whole.includes(undefined as never)) return null
  if (whole.reduce(digestOf, '') !== digest) return null
  const unpack = createUnpacker()
  let value: unknown
  for (const text of whole) value = unpack(text)
  return (value as State).position === position ? (value as State) : null
}

/**
 * Text by text, so that turns go on meanwhile; one that is cut leaves nothing that counts. False: the state
 * is too big.
 */
export async function writeCheckpoint(
  sql: Sql,
  state: State,
  pause: Pause,
  bytesMax = checkpointBytesMax,
): Promise<boolean> {
  const { position } = state
  let digest = ''
  let [texts, bytes] = [0, 0]
  sql.all('DELETE FROM checkpoint_texts WHERE position NOT IN (SELECT position FROM checkpoints)')
  for (const text of packed(state)) {
    bytes += text.length
    if (bytes > bytesMax) return false
    digest = digestOf(digest, text)
    for (const [part, row] of partsOf(text, rowCharsMax).entries()) {
      sql.all('INSERT INTO checkpoint_texts VALUES (?, ?, ?, ?)', position, texts, part, row)
    }
    texts++
    await pause()
  }
  sql.transaction(() => {
    sql.all('INSERT INTO checkpoints VALUES (?, ?, ?, ?)', position, texts, bytes, digest)
    sql.all(
      'DELETE FROM checkpoints WHERE position NOT IN (SELECT position FROM checkpoints ORDER BY position DESC LIMIT ?)',
      kept,
    )
    sql.all('DELETE FROM checkpoint_texts WHERE position NOT IN (SELECT position FROM checkpoints)')
  })
  return true
}

const encoder = new TextEncoder()

/** Over all texts: each with the digest of those before it. */
const digestOf = (before: string, text: string) => sha256Hex(encoder.encode(before + text))
