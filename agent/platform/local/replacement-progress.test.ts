/** When a replacement is called stalled, in which words, and when it is not any more. */
import { describe, expect, it } from 'vitest'
import type { Wanted } from './arrangement.ts'
import { createProgressFollower, type FollowedCopy } from './replacement-progress.ts'

const wanted = (changes: { paused?: boolean; replaces?: string[]; minReadyMs?: number } = {}) => {
  const { paused = false, replaces = ['shop-r1'], minReadyMs = 0 } = changes
  const rolling = { maxSurge: 1, maxUnavailable: 0, progressDeadlineMs: 1_000 }
  const one: Wanted = {
    program: 'shop.ts',
    workload: {
      app: 'shop',
      release: 'shop-r2',
      version: '2',
      program: 'shop',
      copies: 2,
      rolling: { ...rolling, paused, replaces, minReadyMs },
    },
  }
  return [one]
}
const copy = (release: string, index: number, readySinceMs: number | null = 0): FollowedCopy => ({
  release,
  version: '2',
  index,
  readySinceMs,
  trouble: () => (readySinceMs === null ? `${release}/${index} ended by exit code 1` : null),
})
const old = [copy('shop-r1', 0), copy('shop-r1', 1)]
const broken = copy('shop-r2', 0, null)

describe('a replacement', () => {
  it('is stalled when it has made no progress until the deadline, and says what the copies say', () => {
    const progress = createProgressFollower()
    const first = progress.look(wanted(), [...old, broken], 0)
    expect(first).toEqual({
      reports: [{ release: 'shop-r2', updated: 1, ready: 0, old: 2, stalled: null }],
      lookAtMs: 1_000,
    })
    expect(progress.look(wanted(), [...old, broken], 999).reports[0]?.stalled).toBe(null)
    const late = progress.look(wanted(), [...old, broken], 1_000)
    expect(late.reports[0]?.stalled).toBe(
      'ProgressDeadlineExceeded: no progress for 1 s; shop-r2/0 ended by exit code 1',
    )
    expect(late.lookAtMs).toBe(null)
  })

  it('goes on when a new copy is available, or an old one has gone', () => {
    const progress = createProgressFollower()
    progress.look(wanted(), [...old, broken], 0)
    progress.look(wanted(), [...old, broken], 1_000)
    const ready = [...old, copy('shop-r2', 0, 1_100)]
    expect(progress.look(wanted(), ready, 1_100)).toMatchObject({
      reports: [{ ready: 1, stalled: null }],
      lookAtMs: 2_100,
    })
    const gone = ready.slice(1)
    expect(progress.look(wanted(), gone, 2_099).lookAtMs).toBe(3_099)
  })

  it('is stalled by a copy that becomes ready and dies again and again', () => {
    const progress = createProgressFollower()
    for (let nowMs = 0; nowMs < 1_000; nowMs += 100) {
      progress.look(wanted(), [...old, copy('shop-r2', 0, nowMs)], nowMs)
      progress.look(wanted(), [...old, broken], nowMs + 50)
    }
    expect(progress.look(wanted(), [...old, broken], 1_000).reports[0]?.stalled).not.toBe(null)
  })

  it('does not run out of time while it is paused, and has all of it when it goes on', () => {
    const progress = createProgressFollower()
    progress.look(wanted(), [...old, broken], 0)
    progress.look(wanted({ paused: true }), [...old, broken], 900)
    expect(progress.look(wanted({ paused: true }), [...old, broken], 5_000)).toMatchObject({
      reports: [{ stalled: null }],
      lookAtMs: null,
    })
    expect(progress.look(wanted(), [...old, broken], 5_000).lookAtMs).toBe(6_000)
    progress.look(wanted(), [...old, broken], 6_000)
    const paused = progress.look(wanted({ paused: true }), [...old, broken], 6_100)
    expect(paused.reports[0]?.stalled, 'the reason stays while it is paused').not.toBe(null)
    expect(progress.look(wanted(), [...old, broken], 6_200).reports[0]?.stalled).toBe(null)
  })

  it('begins anew in another direction, and is forgotten when nothing is replaced', () => {
    const progress = createProgressFollower()
    progress.look(wanted(), [...old, broken], 0)
    const other = wanted({ replaces: ['shop-r1', 'shop-r0'] })
    expect(progress.look(other, [...old, broken], 900).lookAtMs).toBe(1_900)
    expect(progress.look([], old, 1_000)).toEqual({ reports: [], lookAtMs: null })
    expect(progress.look(other, [...old, broken], 1_950).lookAtMs).toBe(2_950)
  })

  it('is never stalled once it is complete', () => {
    const progress = createProgressFollower()
    const fresh = [copy('shop-r2', 0), copy('shop-r2', 1)]
    progress.look(wanted(), fresh, 0)
    expect(progress.look(wanted(), fresh, 9_000).reports).toEqual([
      { release: 'shop-r2', updated: 2, ready: 2, old: 0, stalled: null },
    ])
  })

  it('says that a ready copy is not ready for long enough, and looks again when it is', () => {
    const progress = createProgressFollower()
    const these = wanted({ minReadyMs: 1_500 })
    progress.look(these, [...old, copy('shop-r2', 0, 0)], 0)
    const late = progress.look(these, [...old, copy('shop-r2', 0, 0)], 1_000)
    expect(late.reports[0]?.stalled).toContain('shop-r2/0 is ready, but not for 1.5 s yet')
    expect(late.lookAtMs).toBe(1_500)
  })

  it('names the program that the cluster does not have', () => {
    const progress = createProgressFollower()
    const these = wanted().map((one) => ({ ...one, program: null }))
    progress.look(these, old, 0)
    const { reports } = progress.look(these, old, 1_000)
    expect(reports[0]?.stalled).toContain('this cluster has no program shop')
  })

  it('fits into a report however many copies complain', () => {
    const progress = createProgressFollower()
    const many = Array.from({ length: 200 }, (_, index) => copy('shop-r2', index, null))
    progress.look(wanted(), many, 0)
    const said = progress.look(wanted(), many, 1_000).reports[0]?.stalled
    expect(said).toContain('and 197 more')
    expect(said!.length).toBeLessThanOrEqual(600)
  })
})
