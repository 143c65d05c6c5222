/**
 * The rules against what Kubernetes documents, and against a model that does everything a cluster does to
 * copies: they become ready when they like, crash, are paused, and change direction half-way.
 */
import { describe, expect, it, test } from 'vitest'
import { nextArrangement, type RunningCopy, type Wanted } from './arrangement.ts'
import { availableAtMs, isAvailable, nextStep, type ReplacementRules } from './replacement.ts'

const rules = (changes: Partial<ReplacementRules> = {}): ReplacementRules => ({
  copies: 4,
  maxSurge: 1,
  maxUnavailable: 1,
  minReadyMs: 0,
  paused: false,
  ...changes,
})
const copies = (count: number, ready = true) =>
  Array.from({ length: count }, (_, index) => ({ index, readySinceMs: ready ? 0 : null }))

/** Does what the rules say until they say nothing more; new copies stay unready. */
function settled(these: ReplacementRules, fresh: number, readyFresh: number, old: number) {
  let freshCopies = [...copies(readyFresh), ...copies(fresh - readyFresh, false)]
  let oldCopies = copies(old)
  for (;;) {
    const { start, end } = nextStep(these, freshCopies, [oldCopies], 100)
    if (start + end.length === 0) return [freshCopies.length, oldCopies.length]
    freshCopies = [...freshCopies.filter((one) => !end.includes(one)), ...copies(start, false)]
    oldCopies = oldCopies.filter((one) => !end.includes(one))
  }
}

describe('where it stands still while no new copy is ready', () => {
  const percent = (n: number) => ({ maxSurge: Math.ceil(n / 4), maxUnavailable: Math.floor(n / 4) })
  test.each<[string, Partial<ReplacementRules>, [fresh: number, old: number]]>([
    ['10 copies, 3 and 2: "rolled over to 5, 8 are left" (Deployment, proportional scaling)',
      { copies: 10, maxSurge: 3, maxUnavailable: 2 }, [5, 8]],
    ['10 copies, 25 % and 25 %', { copies: 10, ...percent(10) }, [5, 8]],
    ['3 copies, 25 % and 25 %: "1 new, 3 old" (Deployment, a wrong image)',
      { copies: 3, ...percent(3) }, [1, 3]],
    ['4 copies, 25 % and 25 %', { copies: 4, ...percent(4) }, [2, 3]],
    ['4 copies, surge 0', { maxSurge: 0, maxUnavailable: 1 }, [1, 3]],
    ['4 copies, unavailable 0', { maxSurge: 2, maxUnavailable: 0 }, [2, 4]],
    ['4 copies, everything at once', { maxSurge: 4, maxUnavailable: 4 }, [4, 0]],
    ['1 copy', { copies: 1, maxSurge: 1, maxUnavailable: 0 }, [1, 1]],
    ['both 0: one may be missing, as ResolveFenceposts has it',
      { maxSurge: 0, maxUnavailable: 0 }, [1, 3]],
    ['no copies are wanted', { copies: 0, maxSurge: 0, maxUnavailable: 0 }, [0, 0]],
    ['paused', { paused: true }, [0, 4]],
  ])('%s', (_what, changes, expected) => {
    const these = rules(changes)
    expect(settled(these, 0, 0, Math.max(4, these.copies))).toEqual(expected)
  }) // biome-ignore format: a table

  test('and with each new copy that is ready, as many old ones go', () => {
    const ten = rules({ copies: 10, maxSurge: 3, maxUnavailable: 2 })
    expect(settled(ten, 5, 3, 8)).toEqual([8, 5])
    expect(settled(ten, 5, 5, 8)).toEqual([10, 3])
    expect(settled(ten, 10, 10, 3)).toEqual([10, 0])
  })
})

describe('which copies go', () => {
  it('is old ones that are not available first, without waiting for new ones', () => {
    const old = [...copies(2), { index: 2, readySinceMs: null }, { index: 3, readySinceMs: 95 }]
    const { start, end } = nextStep(rules({ maxSurge: 0, minReadyMs: 10 }), [], [old], 100)
    expect([start, end.map(({ index }) => index)]).toEqual([0, [2]])
  })

  it('is those of the release that came first', () => {
    const older = copies(2)
    const newer = copies(2)
    const { end } = nextStep(rules({ maxUnavailable: 3 }), [], [older, newer], 100)
    expect(end).toEqual([older[1], older[0], newer[1]])
  })

  it('is new ones when there are more than are wanted', () => {
    const fresh = [...copies(5), { index: 5, readySinceMs: null }]
    expect(nextStep(rules(), fresh, [], 100).end.map(({ index }) => index)).toEqual([5, 4])
  })
})

describe('a copy', () => {
  it('is available once it has been ready for minReadyMs, to the millisecond', () => {
    const copy = { index: 0, readySinceMs: 50 }
    const these = rules({ minReadyMs: 10 })
    expect([isAvailable(copy, these, 59), isAvailable(copy, these, 60)]).toEqual([false, true])
    expect([availableAtMs([copy], these, 59), availableAtMs([copy], these, 60)]).toEqual([60, null])
  })
})

interface ModelCopy extends RunningCopy {
  readySinceMs: number | null
}

/** Mulberry32: the same seed gives the same life. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let n = Math.imul(state ^ (state >>> 15), 1 | state)
    n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n
    return Math.floor((((n ^ (n >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** One life of a cluster; throws when a bound is broken. Returns how many copies of whom run at its end. */
function live(seed: number): { running: readonly ModelCopy[]; wanted: Wanted } {
  const random = randomOf(seed)
  const count = random(12) + 1
  const bounds = { maxSurge: random(count + 1), maxUnavailable: random(count + 1) }
  if (bounds.maxSurge + bounds.maxUnavailable === 0) bounds.maxUnavailable = 1
  const minReadyMs = random(3) * 10
  let nowMs = 1_000
  let index = 0
  let paused = false
  let direction = ['shop-r2', 'shop-r1']
  const running: ModelCopy[] = Array.from({ length: count }, () => ({
    release: 'shop-r1',
    version: 'shop-r1',
    index: index++,
    readySinceMs: 0,
  }))
  const wanted = (): Wanted => ({
    program: 'shop.ts',
    workload: {
      app: 'shop',
      release: direction[0]!,
      version: direction[0]!,
      program: 'shop',
      copies: count,
      rolling: {
        ...bounds,
        replaces: direction.slice(1),
        minReadyMs,
        progressDeadlineMs: 1,
        paused,
      },
    },
  })
  const available = () => running.filter((one) => isAvailable(one, { minReadyMs }, nowMs)).length

  function arrange(): void {
    for (let round = 0; ; round++) {
      if (round > 4 * count + 4) throw new Error(`seed ${seed}: it does not settle`)
      const before = available()
      const { start, end } = nextArrangement([wanted()], running, nowMs)
      if (start.length + end.length === 0) return
      if (paused) throw new Error(`seed ${seed}: something happened while it was paused`)
      for (const copy of end) running.splice(running.indexOf(copy), 1)
      const { release, version } = wanted().workload
      for (let n = 0; n < (start[0]?.count ?? 0); n++) {
        running.push({ release, version, index: index++, readySinceMs: null })
      }
      const least = Math.min(before, count - bounds.maxUnavailable)
      if (available() < least) throw new Error(`seed ${seed}: ${available()} of ${least} available`)
      const most = count + bounds.maxSurge
      if (running.length > most) throw new Error(`seed ${seed}: ${running.length} of ${most} run`)
    }
  }

  function disturb(): void {
    const copy = running[random(Math.max(1, running.length))]
    const what = random(12)
    if (what < 7 && copy) copy.readySinceMs ??= nowMs
    else if (what < 9 && copy) copy.readySinceMs = null
    else if (what === 9) paused = !paused
    else if (what === 10) direction = direction.toReversed()
    else if (what === 11 && direction.length < 4) {
      direction = [`shop-r${direction.length + 1}`, ...direction]
    }
  }

  for (let turn = 0; turn < 200; turn++) {
    nowMs += random(20)
    disturb()
    arrange()
  }
  paused = false
  for (let turn = 0; turn < 6 * count + 10; turn++) {
    arrange()
    for (const copy of running) copy.readySinceMs ??= nowMs
    nowMs += minReadyMs
  }
  arrange()
  return { running, wanted: wanted() }
}

test('every life keeps both bounds, and ends with the wanted copies once new ones become ready', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const { running, wanted } = live(seed)
    const { release, copies: count } = wanted.workload
    const releases = running.map((copy) => copy.release)
    expect(releases, `seed ${seed}`).toEqual(Array.from({ length: count }, () => release))
  }
})
