/** Only what a pod's end explains is told apart; everything else that fails has failed. */
import { describe, expect, test } from 'vitest'
import type { LoadResult, Sample } from '../../bench/load/plan.ts'
import { countApart } from './cut.ts'
import { clockToleranceMs, createPodEnds, type WatchedPod } from './pod-ends.ts'
import type { WatchEvent } from './watch.ts'

const sample = (kind: string, problem: Sample['problem'], status: number): Sample => ({
  ...{ kind, problem, status, target: 'eu-1', fresh: false, user: null, version: '', detail: '' },
  ...{ intendedMs: 1_000, sentMs: 1_000, doneMs: 1_100 },
})
const resultOf = (...samples: Sample[]): LoadResult => ({
  ...{ startedMs: 0, endedMs: 9_000, lost: 0, samples },
})
const end = (fromMs: number, toMs: number) => ({ pod: 'shop-1', fromMs, toMs })

describe('a request that a pod’s end has cut', () => {
  const truncated = sample('slow', 'truncated', 200)
  const unanswered = sample('upload', 'status', 502)

  test.each([
    ['was in flight when it ended', end(1_050, 1_060), true],
    ['was sent while it ended', end(900, 1_000), true],
    ['was answered as it ended', end(1_100, 1_200), true],
    ['is none when the pod had ended before', end(900, 999), false],
    ['is none when the pod ended later', end(1_101, 1_200), false],
  ])('%s', (_, ended, isCut) => {
    const { judged, cut } = countApart(resultOf(truncated, unanswered), [ended])
    expect(cut).toEqual(isCut ? [truncated, unanswered] : [])
    expect(judged.samples).toEqual(isCut ? [] : [truncated, unanswered])
  })

  test('is none when its app finishes what it streams', () => {
    const { judged, cut } = countApart(resultOf(truncated, unanswered), [end(0, 9_000)], ['sent'])
    expect({ cut, judged: judged.samples }).toEqual({ cut: [unanswered], judged: [truncated] })
  })

  test('is none when no pod ended', () => {
    expect(countApart(resultOf(truncated, unanswered), []).cut).toEqual([])
  })

  test.each([
    sample('get', 'truncated', 200),
    sample('get', 'status', 502),
    sample('slow', 'status', 502),
    sample('upload', 'status', 503),
    sample('upload', 'timeout', 0),
    sample('slow', null, 200),
  ])('is none of those that may be repeated, or have not failed: %o', (other) => {
    expect(countApart(resultOf(other), [end(0, 9_000)]).cut).toEqual([])
  })
})

describe('the end of a pod', () => {
  const wallMs = Date.parse('2026-01-01T00:00:00Z')
  const event = (
    type: WatchEvent<WatchedPod>['type'],
    metadata: Partial<WatchedPod['metadata']> = {},
    state?: string,
    lastState?: string,
  ): WatchEvent<WatchedPod> => ({
    type,
    object: {
      metadata: { name: 'shop-1', uid: 'u', ...metadata },
      status: {
        containerStatuses: [
          {
            ...(state && { state: { terminated: { finishedAt: state } } }),
            ...(lastState && { lastState: { terminated: { finishedAt: lastState } } }),
          },
        ],
      },
    },
  })
  const endsOf = (...events: WatchEvent<WatchedPod>[]) => {
    const pods = createPodEnds(() => 8_000, wallMs)
    for (const one of events) pods.take(one)
    return pods.ends()
  }

  test('is the whole second in which its container finished, and what clocks may differ', () => {
    const finished = '2026-01-01T00:00:02Z'
    const span = end(2_000 - clockToleranceMs, 3_000 + clockToleranceMs)
    expect(endsOf(event('MODIFIED', {}, finished))).toEqual([span])
    expect(endsOf(event('MODIFIED', {}, finished), event('DELETED', {}, finished))).toEqual([span])
    expect(endsOf(event('MODIFIED', {}, undefined, finished))).toEqual([span])
  })

  test('begins when it is told to end', () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:31Z', deletionGracePeriodSeconds: 30 }
    const ends = endsOf(
      event('MODIFIED', going),
      event('MODIFIED', going, '2026-01-01T00:00:04Z'),
      // Its grace is over.
      event('DELETED', { ...going, deletionGracePeriodSeconds: 0 }, '2026-01-01T00:00:04Z'),
    )
    expect(ends).toEqual([end(1_000 - clockToleranceMs, 5_000 + clockToleranceMs)])
  })

  test('is one for each container that was started anew', () => {
    const ends = endsOf(
      event('MODIFIED', {}, undefined, '2026-01-01T00:00:02Z'),
      event('MODIFIED', {}, undefined, '2026-01-01T00:00:05Z'),
    )
    expect(ends).toHaveLength(2)
  })

  test('is between the wish and its going when nobody wrote down how it finished', () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:35Z', deletionGracePeriodSeconds: 30 }
    const ends = endsOf(event('MODIFIED', going), event('DELETED', going))
    expect(ends).toEqual([end(5_000 - clockToleranceMs, 8_000)])
  })

  test('is up to now while it goes', () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:35Z', deletionGracePeriodSeconds: 30 }
    const ends = endsOf(event('ADDED'), event('MODIFIED', going))
    expect(ends).toEqual([end(5_000 - clockToleranceMs, 8_000)])
  })

  test('is none of a pod that stays', () => {
    expect(endsOf(event('ADDED'), event('MODIFIED'))).toEqual([])
  })
})
