/**
 * Keeps the history's database in step with the log. Every turn tells it what it has done; rows are
 * written a little later, in one go, and before anybody reads them. When the database is missing, damaged
 * or of another program it is made anew from the log, in slices, while control goes on.
 *
 *   following    the turn's own states give the rows
 *   catching up  a fold of its own, from the first record; the turn's newest record is where it ends
 */
import { sha256Hex } from '#wire/sha256.ts'
import { evolve } from '../domain/evolve.ts'
import { parseRecord } from '../domain/record.ts'
import { emptyState, type State } from '../domain/state.ts'
import type { Log } from '../log/log.ts'
import { loadCheckpoint, writeCheckpoint } from './checkpoints.ts'
import { createIndexing, type Step } from './indexing.ts'
import { createPause } from './pause.ts'
import type { Sql } from './sql.ts'

export interface FollowerOptions {
  readonly log: Pick<Log, 'read'>
  /** Opens the database, makes it anew when it is no good. */
  readonly open: () => Sql
  /** Throws the database away. */
  readonly remove: () => void
  /** Of the program that folds: see `fold-code.ts`. */
  readonly code: string
  readonly monotonicMs: () => number
  /** The database was found damaged and is made anew. */
  readonly onDamage: (error: unknown) => void
}

export interface Follower {
  /** The state that the fold may go on from. To be called once, before `keep`. */
  begin(): Promise<State>
  /** Each record after that, in order. Never throws and never waits. */
  keep(step: Step): void
  /** The database, with everything in it up to `position`; null when that takes too long. */
  upTo(position: number): Promise<Sql | null>
  /** The same without waiting. */
  ready(position: number): Sql | null
  position(): number
  /** No database can be had until the next start. */
  isOver(): boolean
  /** What was read cannot be right: make the database anew. */
  damaged(error: unknown): void
  /** Writes what waits, and a checkpoint for the next start. */
  close(): Promise<void>
}

/** At a start that folds the whole log: in smaller transactions each page is written many times. */
const stepsWaitingMax = 1_024
const flushAfterMs = 50
const pageRecords = 128
/** Folding so many records takes a tenth of a second. */
const recordsPerCheckpoint = 1_000
/** At the end a checkpoint is worth it from here. */
const recordsPerLastCheckpoint = 64
/** How long somebody who looks back waits for the tables to be made. */
const waitMs = 10_000

export function createFollower(options: FollowerOptions): Follower {
  const { log, code, monotonicMs } = options
  let sql: Sql
  let add: ReturnType<typeof createIndexing>
  let position = 0
  let newest: State = emptyState
  let waiting: Step[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let isBehind = false
  let catching = Promise.resolve()
  let checkpointing: Promise<void> | null = null
  let checkpointAt = 0
  /** Closed, or no database can be had (a disk that is full or gone): control goes on without it. */
  let isOver = false

  async function begin(): Promise<State> {
    const state = await trusted()
    if (!state) startAnew()
    newest = state ?? emptyState
    checkpointAt = newest.position
    return newest
  }

  /** Null when the database is of another program or another log. */
  async function trusted(): Promise<State | null> {
    try {
      sql = options.open()
      add = createIndexing(sql)
      const notes = new Map(
        sql
          .all<{ name: string; value: string }>('SELECT name, value FROM notes')
          .map(({ name, value }) => [name, value]),
      )
      if (notes.size === 0) return emptyState
      const noted = Number(notes.get('position'))
      const [record] = await log.read(noted - 1, 1)
      if (notes.get('code') !== code || !record || digest(record.text) !== notes.get('record')) {
        return null
      }
      position = noted
      return loadCheckpoint(sql, position) ?? emptyState
    } catch (error) {
      options.onDamage(error)
      return null
    }
  }

  function startAnew(): void {
    try {
      sql?.close()
      options.remove()
      sql = options.open()
      add = createIndexing(sql)
    } catch (error) {
      isOver = true
      options.onDamage(error)
    }
    position = 0
    checkpointAt = 0
    waiting = []
  }

  function keep(step: Step): void {
    newest = step.after
    if (isOver || isBehind || step.record.position <= position + waiting.length) return
    if (step.before.position !== position + waiting.length) {
      catchUp()
      return
    }
    waiting.push(step)
    if (waiting.length >= stepsWaitingMax) flush()
    else timer ??= setTimeout(flush, flushAfterMs)
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    const steps = waiting
    waiting = []
    try {
      write(steps)
    } catch (error) {
      damaged(error)
    }
    if (!isBehind && newest.position - checkpointAt >= recordsPerCheckpoint) checkpoint()
  }

  function write(steps: readonly Step[]): void {
    const { record, text } = steps.at(-1)!
    sql.transaction(() => {
      for (const step of steps) add(step)
      const note = (name: string, value: string) =>
        sql.all('INSERT OR REPLACE INTO notes VALUES (?, ?)', name, value)
      note('position', String(record.position))
      note('record', digest(text))
      note('code', code)
    })
    position = record.position
  }

  function checkpoint(): void {
    if (checkpointing || isOver) return
    checkpointAt = newest.position
    checkpointing = writeCheckpoint(sql, newest, createPause(monotonicMs))
      .then((isWritten) => {
        if (!isWritten) checkpointAt = Number.POSITIVE_INFINITY
      })
      .catch(damaged)
      .finally(() => {
        checkpointing = null
      })
  }

  function damaged(error: unknown): void {
    if (isOver || isBehind) return
    options.onDamage(error)
    startAnew()
    if (!isOver) catchUp()
  }

  function catchUp(): void {
    waiting = []
    isBehind = true
    catching = foldAll().catch((error) => {
      if (!isOver) options.onDamage(error)
      isOver = true
    })
  }

  async function foldAll(): Promise<void> {
    const pause = createPause(monotonicMs)
    let state = emptyState
    while (state.position < newest.position && !isOver) {
      const page = await log.read(state.position, pageRecords)
      if (page.length === 0) throw new Error(`the log ends before ${newest.position}`)
      const steps: Step[] = []
      for (const { position: at, text } of page) {
        const record = parseRecord(text, at)
        const after = evolve(state, record)
        if (at > position) steps.push({ before: state, after, record, text })
        state = after
        await pause()
      }
      if (steps.length > 0 && !isOver) write(steps)
    }
    // At once, so that no record falls between this fold and the turn's.
    isBehind = false
  }

  function ready(wanted: number): Sql | null {
    if (!isBehind && !isOver) flush()
    return !isOver && position >= wanted ? sql : null
  }

  async function upTo(wanted: number): Promise<Sql | null> {
    for (const endMs = monotonicMs() + waitMs; ; ) {
      const found = ready(wanted)
      if (found || isOver || monotonicMs() >= endMs) return found
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  return {
    begin,
    keep,
    upTo,
    ready,
    position: () => position,
    isOver: () => isOver,
    damaged,
    async close() {
      if (!isBehind && !isOver) flush()
      await checkpointing
      if (!isBehind && newest.position - checkpointAt >= recordsPerLastCheckpoint) checkpoint()
      await checkpointing
      isOver = true
      await catching
      clearTimeout(timer)
      sql?.close()
    },
  }
}

const encoder = new TextEncoder()
const digest = (text: string) => sha256Hex(encoder.encode(text))
