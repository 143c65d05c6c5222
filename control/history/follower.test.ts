import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decide } from '../domain/decide.ts'
import { evolve } from '../domain/evolve.ts'
import { hash, putApp } from '../domain/fleet-of.fixture.ts'
import type { Intent } from '../domain/input.ts'
import { parseRecord, recordText } from '../domain/record.ts'
import { emptyFleet } from '../domain/reports/fleet.ts'
import { emptyState, type State } from '../domain/state.ts'
import type { LogRecord } from '../log/log.ts'
import { deleteHistoryDatabase, openHistoryDatabase } from '../node/history-database.ts'
import { createHistory, type History } from './history.ts'

/** `init` and then apps that are put, one each second; `from` tells two logs apart. */
function logOf(count: number, from = 0, times: (n: number) => number = (n) => n * 1_000) {
  const records: LogRecord[] = []
  let state = emptyState
  while (records.length < count) {
    const n = records.length + 1
    const clusters = [{ name: 'eu-1', enrolmentTokenHash: hash }]
    const intent: Intent =
      n === 1
        ? { type: 'init', epochId: '0'.repeat(16), clusters, adminTokenHash: hash }
        : putApp(`app-${from + (n % 100)}`, { hosts: [`h${n}.app-${from + (n % 100)}.example`] })
    const asked = {
      kind: 'intent',
      intent,
      actor: 'tests',
      idempotencyKey: `${n}`,
      ifMatch: null,
    } as const
    const decision = decide(state, emptyFleet(0), asked, times(n))
    if (decision.kind !== 'record') throw new Error(JSON.stringify(decision))
    records.push({ position: n, text: recordText(decision.record) })
    state = decision.state
  }
  return { records, state }
}

const long = logOf(1_200)

describe('the history beside the log', () => {
  let folder: string
  let file: string
  let damages: unknown[]
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-history-'))
    file = join(folder, 'history.sqlite')
    damages = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Starts as control does: from the checkpoint, then the rest of the log. Says how much was folded. */
  async function started(records: readonly LogRecord[], code = 'this program') {
    const history = createHistory({
      log: { read: async (position, limit) => records.slice(position, position + limit) },
      open: () => openHistoryDatabase(file),
      remove: () => deleteHistoryDatabase(file),
      code,
      monotonicMs: () => performance.now(),
      onDamage: (error) => damages.push(error),
    })
    const begun = await history.begin()
    const state = fold(history, begun, records.slice(begun.position))
    return { history, state, folded: records.length - begun.position }
  }

  function fold(history: History, begun: State, records: readonly LogRecord[]): State {
    let state = begun
    for (const { position, text } of records) {
      const before = state
      const record = parseRecord(text, position)
      state = evolve(before, record)
      history.keep({ before, after: state, record, text })
    }
    return state
  }

  async function rootAt(history: History, position: number): Promise<string | undefined> {
    const looked = await history.snapshot('eu-1', position)
    if ('rejection' in looked) throw new Error(`${looked.rejection.detail} ${damages}`)
    return looked.found?.tree.root
  }
  const expected = (position: number) =>
    long.records
      .slice(0, position)
      .reduce((state, one) => evolve(state, parseRecord(one.text, one.position)), emptyState)
      .clusters.get('eu-1')?.tree.root

  const once = async (records = long.records, code?: string) => {
    const run = await started(records, code)
    await run.history.close()
    return run
  }

  it('lets the next start begin where the last one ended, with the same state', async () => {
    expect((await once()).folded).toBe(1_200)
    const again = await once()
    expect(again.folded).toBe(0)
    expect(isDeepStrictEqual(again.state, long.state)).toBe(true)
    expect(damages).toEqual([])
  })

  it('is behind the log by what a crash took, and goes on from the checkpoint', async () => {
    const first = await started(long.records.slice(0, 1_100))
    await rootAt(first.history, 1_100)
    const seen = new DatabaseSync(file, { readOnly: true })
    while (seen.prepare('SELECT 1 FROM checkpoints').all().length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    seen.close()
    // Not closed: as after kill -9.
    const second = await started(long.records)
    expect(second.folded).toBeGreaterThan(99)
    expect(second.folded).toBeLessThan(1_200)
    expect(await rootAt(second.history, 1_150)).toBe(expected(1_150))
    expect(isDeepStrictEqual(second.state, long.state)).toBe(true)
    await second.history.close()
    await first.history.close()
  })

  it('is made anew when it was deleted, while the file of another program is replaced', async () => {
    await once()
    rmSync(file)
    const run = await started(long.records)
    expect(run.folded).toBe(1_200)
    expect(await rootAt(run.history, 700)).toBe(expected(700))
    await run.history.close()
    writeFileSync(file, 'not a database at all'.repeat(100))
    const other = await started(long.records)
    expect(other.folded).toBe(1_200)
    expect(await rootAt(other.history, 700)).toBe(expected(700))
    await other.history.close()
  })

  it.each<readonly [string, readonly LogRecord[], string]>([
    ['another program folds', long.records, 'the next program'],
    ['the log is another one', logOf(1_300, 50).records, 'this program'],
    ['the log is older: a restored backup', long.records.slice(0, 900), 'this program'],
  ])('is made anew when %s', async (_, records, code) => {
    await once()
    const run = await started(records, code)
    expect(run.folded).toBe(records.length)
    const newest = run.state.clusters.get('eu-1')!.tree.root
    expect(await rootAt(run.history, records.length)).toBe(newest)
    await run.history.close()
  })

  it.each([
    ['a text', "UPDATE checkpoint_texts SET text = replace(text, 'app-1', 'app-2')"],
    ['the row', 'UPDATE checkpoints SET position = position - 1'],
    ['a missing text', 'DELETE FROM checkpoint_texts WHERE number = 0'],
  ])('uses no checkpoint with damage to %s', async (_, sql) => {
    await once()
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
    const run = await once()
    expect(run.folded).toBe(1_200)
    expect(isDeepStrictEqual(run.state, long.state)).toBe(true)
  })

  it('is made anew under way when a snapshot does not have its digest', async () => {
    await once()
    const database = new DatabaseSync(file)
    database.exec("UPDATE texts SET text = replace(text, 'h700.', 'x700.')")
    database.close()
    const run = await started(long.records)
    expect(run.folded).toBe(0)
    expect(await rootAt(run.history, 710)).toBe(expected(710))
    expect(String(damages[0])).toMatch(/does not have its digest/)
    expect(damages).toHaveLength(1)
    await rootAt(run.history, 1_200)
    await run.history.close()
    expect((await once()).folded).toBe(0)
  })

  it('is not taken for damaged when a look meets a bug', async () => {
    const run = await started(long.records.slice(0, 200))
    const bug = { method: 'GET', host: 'shop.example', path: null as never, headers: [] }
    await expect(run.history.blame('eu-1', 150, bug)).rejects.toThrow(TypeError)
    expect(damages).toEqual([])
    expect(await rootAt(run.history, 150)).toBe(expected(150))
    await run.history.close()
  })

  it('is made anew when pages of the file are overwritten', async () => {
    await once()
    const handle = openSync(file, 'r+')
    for (let page = 1; page < 60; page++) writeSync(handle, 'x'.repeat(2_000), page * 4_096 + 500)
    closeSync(handle)
    const run = await started(long.records)
    expect(await rootAt(run.history, 710)).toBe(expected(710))
    expect(damages.length).toBeGreaterThan(0)
    expect(isDeepStrictEqual(run.state, long.state)).toBe(true)
    await run.history.close()
  })

  it('goes on taking records while it is made, and has them at the end', async () => {
    const growing = long.records.slice(0, 1_000)
    const run = await started(growing)
    await rootAt(run.history, 1_000)
    new DatabaseSync(file).exec("UPDATE texts SET text = replace(text, 'h700.', 'x700.')")
    const looking = rootAt(run.history, 710)
    await new Promise((resolve) => setTimeout(resolve, 20))
    growing.push(...long.records.slice(1_000))
    fold(run.history, run.state, growing.slice(1_000))
    expect(await looking).toBe(expected(710))
    expect(await rootAt(run.history, 1_150)).toBe(expected(1_150))
    await run.history.close()
  })

  it('is done without when no database can be had; nothing fails for it', async () => {
    const broken = {
      all() {
        throw new Error('the disk is full')
      },
      transaction() {},
      close() {},
    }
    const { records } = logOf(5)
    const history = createHistory({
      log: { read: async (position, limit) => records.slice(position, position + limit) },
      open: () => broken,
      remove() {},
      code: 'this program',
      monotonicMs: () => performance.now(),
      onDamage: (error) => damages.push(error),
    })
    const state = fold(history, await history.begin(), records)
    expect(state.position).toBe(5)
    expect(await history.snapshot('eu-1', 3)).toMatchObject({ rejection: { code: 'overloaded' } })
    const { clusters } = state
    const snapshot = { cluster: 'eu-1', revision: 5, tree: clusters.get('eu-1')!.tree }
    expect(await history.served(snapshot, 5)).toBeNull()
    expect(damages.map(String)).toEqual(Array(2).fill('Error: the disk is full'))
    await history.close()
  })

  it('finds an instant although the clock stepped back', async () => {
    const steps = [0, 1, 2, 3, 9, 4, 5, 6, 7]
    const { records } = logOf(steps.length - 1, 0, (n) => steps[n]! * 1_000)
    const { history } = await started(records)
    const at = async (ms: number) => {
      const looked = await history.positionAt(ms, records.length)
      return 'found' in looked && 'position' in looked.found ? looked.found.position : looked
    }
    // Times by position: 1 2 3 9 4 5 6 7 seconds.
    expect(await at(999)).toEqual({ found: { firstMs: 1_000 } })
    expect(await Promise.all([1_000, 3_999, 4_500, 6_000, 8_500, 9_000].map(at))).toEqual([
      1, 3, 5, 7, 8, 8,
    ])
    await history.close()
  })

  it('lets one look wait for another, and too many know', async () => {
    const run = await started(long.records.slice(0, 200))
    const looks = Array.from({ length: 70 }, (_, n) => run.history.snapshot('eu-1', 10 + n))
    const looked = await Promise.all(looks)
    const refused = looked.filter((one) => 'rejection' in one)
    expect(refused).toHaveLength(5)
    expect(refused[0]).toMatchObject({ rejection: { code: 'overloaded' } })
    await run.history.close()
  })
})
