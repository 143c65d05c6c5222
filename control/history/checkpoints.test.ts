import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import { liveShop } from '../domain/fleet-of.fixture.ts'
import type { State } from '../domain/state.ts'
import { openHistoryDatabase } from '../node/history-database.ts'
import { loadCheckpoint, writeCheckpoint } from './checkpoints.ts'
import { packed } from './packed.ts'
import { rowCharsMax } from './sql.ts'

const state = liveShop().state()
const bytes = [...packed(state)].reduce((sum, text) => sum + text.length, 0)
const at = (position: number): State => ({ ...state, position })
const noPause = () => undefined
const count = (sql: ReturnType<typeof openHistoryDatabase>) =>
  sql.all<{ count: number }>('SELECT count(DISTINCT position) AS count FROM checkpoint_texts')[0]!
    .count

it('is kept up to its limit of bytes, and not one byte beyond', async () => {
  const sql = openHistoryDatabase(':memory:')
  expect(await writeCheckpoint(sql, state, noPause, bytes - 1)).toBe(false)
  expect(loadCheckpoint(sql, state.position)).toBeNull()
  expect(await writeCheckpoint(sql, state, noPause, bytes)).toBe(true)
  expect(isDeepStrictEqual(loadCheckpoint(sql, state.position), state)).toBe(true)
  sql.close()
})

it('two are kept, and one is only used for what comes after it', async () => {
  const sql = openHistoryDatabase(':memory:')
  for (const position of [10, 20, 30]) await writeCheckpoint(sql, at(position), noPause)
  expect(count(sql)).toBe(2)
  expect(loadCheckpoint(sql, 35)?.position).toBe(30)
  expect(loadCheckpoint(sql, 29)?.position).toBe(20)
  expect(loadCheckpoint(sql, 19)).toBeNull()
  sql.close()
})

it('one that was cut leaves nothing that counts, and is cleared away by the next', async () => {
  const sql = openHistoryDatabase(':memory:')
  const cut = () => {
    throw new Error('the process has ended')
  }
  await expect(writeCheckpoint(sql, at(10), cut)).rejects.toThrow('ended')
  expect(count(sql)).toBe(1)
  expect(loadCheckpoint(sql, 10)).toBeNull()
  await writeCheckpoint(sql, at(20), noPause)
  expect(count(sql)).toBe(1)
  expect(loadCheckpoint(sql, 20)?.position).toBe(20)
  sql.close()
})

it('a text beyond a row is kept in parts', async () => {
  const sql = openHistoryDatabase(':memory:')
  const labels = { note: '🚉'.repeat(rowCharsMax) }
  const long = { ...at(10), ingressNotes: labels } as State
  await writeCheckpoint(sql, long, noPause)
  const [row] = sql.all<{ most: number; parts: number }>(
    'SELECT max(length(text)) AS most, max(part) AS parts FROM checkpoint_texts',
  )
  expect(row!.parts).toBeGreaterThanOrEqual(2)
  expect(row!.most).toBeLessThanOrEqual(rowCharsMax)
  expect(isDeepStrictEqual(loadCheckpoint(sql, 10), long)).toBe(true)
  sql.close()
})
