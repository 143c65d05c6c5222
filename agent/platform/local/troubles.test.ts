/** What is a trouble and what is not, in which words, and when to look again. */
import { expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { troubleReport } from '#wire/report.ts'
import type { Wanted } from './arrangement.ts'
import { type TroubledCopy, troublesOf } from './troubles.ts'

const wanted = (release = 'shop-r2', copies = 2, program: string | null = 'shop.ts'): Wanted => ({
  program,
  workload: { app: 'shop', release, version: '2', program: 'shop-9', copies },
})
const copy = (unreadySinceMs: number | null, hasDied = false, index = 0): TroubledCopy => ({
  release: 'shop-r2',
  unreadySinceMs,
  hasDied,
  trouble: () =>
    `shop-r2/${index} ${hasDied ? 'ended by exit code 1' : 'is not ready: /readyz answers 503'}`,
})
const slowMs = 5_000
const look = (copies: readonly TroubledCopy[], nowMs = 100, one = wanted()) =>
  troublesOf([one], copies, slowMs, nowMs)
const words = (...asked: Parameters<typeof look>) => look(...asked).troubles[0]?.message ?? null

it('is a program that the cluster does not know, at once and with what to do', () => {
  const said = words([], 0, wanted('shop-r2', 2, null))
  expect(said).toBe(
    'this cluster has no program shop-9: start its platform with --program shop-9=FILE',
  )
})

it('is a copy that has died, at once, until it is ready', () => {
  expect(words([copy(0, true), copy(0)])).toBe('shop-r2/0 ended by exit code 1')
  expect(words([copy(null), copy(null)])).toBe(null)
})

it('is a copy that has not been ready for a while, and the moment of that is known before', () => {
  const copies = [copy(0), copy(50)]
  expect(look(copies, 4_999)).toEqual({ troubles: [], lookAtMs: 5_000 })
  expect(look(copies, 5_000)).toEqual({
    troubles: [
      {
        release: 'shop-r2',
        message: 'shop-r2/0 is not ready: /readyz answers 503, for more than 5 s',
      },
    ],
    lookAtMs: 5_050,
  })
  expect(look(copies, 5_050).lookAtMs).toBe(null)
})

it('is none while enough copies are ready, or none is wanted', () => {
  const copies = [copy(null), copy(null), copy(0, true)]
  expect(look(copies).troubles).toEqual([])
  expect(look([], 0, wanted('shop-r2', 0, null)).troubles).toEqual([])
})

it('names three copies and counts the others', () => {
  const copies = [0, 1, 2, 3, 4].map((index) => copy(0, true, index))
  expect(words(copies, 0, wanted('shop-r2', 5))).toMatch(/shop-r2\/2 ended[^;]*; and 2 more$/)
})

it('is said of a bounded number of releases, in bounded words', () => {
  const many = Array.from({ length: 65 }, (_, n) => wanted(`shop-r${n}`, 1, null))
  const { troubles } = troublesOf(many, [], slowMs, 0)
  expect(troubles).toHaveLength(limits.troublesPerReport)
  const long = { ...copy(0, true), trouble: () => 'x'.repeat(5_000) }
  const [told] = look([long]).troubles
  expect(troubleReport.parse(told).message).toHaveLength(600)
})
