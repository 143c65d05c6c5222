/** The log's contract on the real workerd, and what only a platform with a row size can get wrong. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logCases } from '../../control/log/log.cases.ts'
import type { Log } from '../../control/log/log.ts'
import { platformLimits } from '../../control/workers/limits.ts'
import { recordsKept } from '../../control/workers/object-pages.ts'
import { bundleWorker } from '../../deploy/edge/bundle.ts'
import { startWorkerd, type Workerd } from '../../deploy/edge/workerd.ts'
import { readWrangler, type WorkerdPlan } from '../../deploy/edge/workerd-config.ts'

const configFile = resolve(import.meta.dirname, 'log-worker.toml')
const root = mkdtempSync(join(tmpdir(), 'switchyard-edge-log-'))
let plan: WorkerdPlan
let workerd: Workerd
beforeAll(async () => {
  plan = {
    ...readWrangler(configFile),
    bundle: await bundleWorker(configFile, join(root, 'bundle')),
    storage: join(root, 'storage'),
    host: '127.0.0.1',
    port: 0,
    texts: {},
  }
  workerd = await startWorkerd(plan)
})
afterAll(async () => {
  await workerd?.kill('SIGTERM')
  rmSync(root, { recursive: true })
})

async function ask<T>(path: string, query: object, body: string | null = null): Promise<T> {
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, `${value}`]),
  )
  const answer = await fetch(`${workerd.url}${path}?${search}`, { method: 'POST', body })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

const logNamed = (log: string): Log => ({
  head: () => ask('/head', { log }),
  append: (expected, text) => ask('/append', { log, expected }, text),
  read: (position, limit) => ask('/read', { log, position, limit }),
  close: async () => {},
})

/** Records 1 to `total`, a page in each call. */
async function fill(log: string, total: number, textAt: (n: number) => string): Promise<void> {
  for (let expected = 0; expected < total; expected += 64) {
    const length = Math.min(64, total - expected)
    const texts = Array.from({ length }, (_, n) => textAt(expected + n + 1))
    await ask('/append-many', { log, expected }, JSON.stringify(texts))
  }
}

const evict = (log: string) => ask('/evict', { log }).catch(() => {})

let count = 0
logCases('Durable Object on workerd', async () => {
  const name = `cases-${++count}`
  return {
    async open() {
      await evict(name)
      return logNamed(name)
    },
    cleanUp: async () => {},
  }
})

describe('the log in a Durable Object', () => {
  it('keeps records beyond the row size of the platform, whole', async () => {
    const log = logNamed('big')
    const text = `"${'🚉車'.repeat(1_500_000)}"`
    expect(await log.append(0, text)).toBe(1)
    expect(await log.append(1, '"small"')).toBe(2)
    const records = await log.read(0, 2)
    expect(records.map((record) => record.position)).toEqual([1, 2])
    expect(records[0]!.text === text, 'the same characters').toBe(true)
    const { bytes } = await ask<{ bytes: number }>('/largest-row', { log: 'big' })
    expect(bytes, 'workerd itself does not refuse more').toBeLessThanOrEqual(
      platformLimits.rowBytes * 0.8,
    )
    expect((await log.read(1, 1))[0]).toEqual({ position: 2, text: '"small"' })
  })

  it('packs old records, which read as before, and takes a fraction of the space', async () => {
    const log = logNamed('compacted')
    const big = `"${'車'.repeat(700_000)}"`
    const textAt = (n: number) =>
      n === 70 ? big : `{"at":${n},"text":"${'switch '.repeat(100)}🚉"}`
    const total = recordsKept + 64 * 4
    await fill('compacted', total, textAt)
    expect(await log.head()).toBe(total)
    const before = await ask<number>('/bytes', { log: 'compacted' })
    const compact = () =>
      ask<{ records: number; isDone: boolean }>('/compact', { log: 'compacted' })
    const first = await compact()
    expect(first, 'all but the page of the big one').toMatchObject({
      records: 64 * 3,
      isDone: true,
    })
    const saved = before - (await ask<number>('/bytes', { log: 'compacted' }))
    expect(saved).toBeGreaterThan(64 * 3 * textAt(1).length * 0.7)
    expect(await compact(), 'again').toMatchObject({ records: 0, isDone: true })
    const readAll = async () => {
      for (const [position, limit] of [
        [0, total],
        [60, 10],
        [63, 1],
        [64, 1],
        [69, 1],
        [191, 2],
        [250, 20],
      ] as const) {
        const expected = Array.from({ length: Math.min(limit, total - position) }, (_, i) => ({
          position: position + 1 + i,
          text: textAt(position + 1 + i),
        }))
        const read = await log.read(position, limit)
        expect(read.length).toBe(expected.length)
        expect(JSON.stringify(read) === JSON.stringify(expected), `${position}, ${limit}`).toBe(
          true,
        )
      }
    }
    await readAll()
    await evict('compacted')
    await readAll()
    expect(await log.append(total, '"next"')).toBe(total + 1)
    await expect(ask('/delete', { log: 'compacted' })).rejects.toThrow('/delete: 500')
    expect(await log.head()).toBe(total + 1)
  })

  it('that workerd was killed in while it packed is whole, and is packed on', async () => {
    const log = logNamed('cut')
    const total = recordsKept + 64 * 48
    const textAt = (n: number) => `{"at":${n},"text":"${'switch '.repeat(20)}"}`
    await fill('cut', total, textAt)
    const compact = () => ask('/compact', { log: 'cut' })
    for (const ms of [1, 4, 9]) {
      const packing = compact().catch(() => null)
      await new Promise((resolve) => setTimeout(resolve, ms))
      await workerd.kill('SIGKILL')
      await packing
      workerd = await startWorkerd(plan)
      const records = await log.read(0, total)
      expect(records.every(({ text, position }) => text === textAt(position))).toBe(true)
      expect(records.length).toBe(total)
    }
    await compact()
    expect(await compact()).toMatchObject({ records: 0, isDone: true })
    expect((await log.read(0, total)).length).toBe(total)
  })

  it('has every answered append after workerd was killed with -9', async () => {
    const log = logNamed('killed')
    for (let round = 0; round < 5; round++) {
      let answered = await log.head()
      const appending = (async () => {
        for (;;) answered = (await log.append(answered, `${answered}`)) as number
      })().catch((error: Error) => error.message)
      await new Promise((resolve) => setTimeout(resolve, 40 + round * 17))
      await workerd.kill('SIGKILL')
      expect(await appending).toBe('fetch failed')
      workerd = await startWorkerd(plan)
      const head = await log.head()
      // One append may have been durable without having been answered.
      expect([answered, answered + 1]).toContain(head)
      expect(head).toBeGreaterThan(0)
      const records = await log.read(0, head + 1)
      expect(records.map(({ text }) => text)).toEqual(records.map((_, n) => `${n}`))
    }
  })
})
