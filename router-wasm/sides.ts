/**
 * The two sides of the router: each a table and what is applied to it by name. A new table is copied to the
 * idle side, verified, given its backend numbers and positions, and then one word makes it the served one.
 * A position is applied once the table holds every release that it names; until then the app keeps the one
 * it had, so a table and a position may come in any order.
 */
import { limits } from '#wire/limits.ts'
import type { BackendNumbers } from './backend-numbers.ts'
import * as at from './layout.ts'
import type { PositionInput } from './router.ts'
import * as table from './table-layout.ts'
import { readTableNames } from './table-names.ts'

export interface Sides {
  /** Null, or why the table is refused; nothing has changed then. */
  load(bytes: Uint8Array): string | null
  tableBytes(): Uint8Array
  setPositions(positions: readonly PositionInput[]): void
  positions(): Record<string, number>
  names(release: string): boolean
  /** Preview links may lead to it. */
  linked(release: string): boolean
  /** In the served table; -1: it is not there. */
  appNumber(app: string): number
}

export interface SidesOptions {
  readonly memory: Uint8Array
  readonly words: Int32Array
  /** Of both sides: where its table, positions and backend numbers lie. */
  readonly regions: readonly { table: number; positions: number; backends: number }[]
  readonly tableBytes: number
  readonly verify: (start: number, bytes: number) => number
  readonly numbers: BackendNumbers
}

interface Served {
  readonly side: number
  readonly apps: readonly string[]
  readonly appNumbers: ReadonlyMap<string, number>
  readonly backends: ReadonlySet<string>
  readonly linked: ReadonlySet<string>
}

const refusals: Readonly<Record<number, string>> = {
  [table.VERIFY_LENGTH]: 'its length is not what it says',
  [table.VERIFY_MAGIC]: 'it is not a table',
  [table.VERIFY_FORMAT]: 'its format is not known',
  [table.VERIFY_CHECKSUM]: 'its checksum is wrong',
  [table.VERIFY_DEPTH]: 'a path is too deep',
  [table.VERIFY_METHODS]: 'a method is not valid',
  [table.VERIFY_APPS]: 'the name of an app is not valid',
  [table.VERIFY_BACKENDS]: 'the name of a backend is not valid',
  [table.VERIFY_ROUTES]: 'a route is not valid',
  [table.VERIFY_HOSTS]: 'a host is not valid',
  [table.VERIFY_NODES]: 'a path is not valid',
  [table.VERIFY_CONDITIONS]: 'a match is not valid',
}

const encoder = new TextEncoder()

/** Positions that no table names yet are kept for as many apps as there may be. */
const keptPositionsMax = 2 * limits.apps

export function createSides(options: SidesOptions): Sides {
  const { memory, words, regions, tableBytes, verify, numbers } = options
  const sideOffset = (side: number) => at.SIDES + side * at.SIDE_BYTES
  regions.forEach((region, side) => {
    words[(sideOffset(side) + at.SIDE_TABLE) >> 2] = region.table
    words[(sideOffset(side) + at.SIDE_POSITIONS) >> 2] = region.positions
    words[(sideOffset(side) + at.SIDE_BACKENDS) >> 2] = region.backends
  })
  let served: Served | null = null
  const wanted = new Map<string, PositionInput>()
  const applied = new Map<string, PositionInput>()

  const positionAt = (side: number, app: number) =>
    (regions[side]!.positions + app * at.POSITION_BYTES) >> 2

  const applicable = (position: PositionInput | undefined, backends: ReadonlySet<string>) =>
    position?.weights.every(({ release, weight }) => weight === 0 || backends.has(release))

  /** The newest position of an app whose releases are all there. */
  const choose = (app: string, backends: ReadonlySet<string>): PositionInput | undefined =>
    [wanted.get(app), applied.get(app)].find((position) => applicable(position, backends))

  const write = (side: number, app: number, position: PositionInput) => {
    const record = positionAt(side, app)
    const weights = position.weights.filter(({ weight }) => weight > 0)
    if (weights.length > at.POSITION_WEIGHT_COUNT_MAX) throw new RangeError('too many weights')
    words[record + (at.POSITION_GENERATION_LOW >> 2)] = position.generation | 0
    words[record + (at.POSITION_GENERATION_HIGH >> 2)] = Math.floor(position.generation / 2 ** 32)
    words[record + (at.POSITION_APPLIED >> 2)] = 1
    words[record + (at.POSITION_COUNT >> 2)] = weights.length
    words[record + (at.POSITION_TOTAL >> 2)] = weights.reduce((sum, { weight }) => sum + weight, 0)
    weights.forEach(({ release, weight }, n) => {
      const entry = record + ((at.POSITION_WEIGHTS + n * at.WEIGHT_BYTES) >> 2)
      words[entry + (at.WEIGHT_BACKEND >> 2)] = numbers.numberOf(release)
      words[entry + (at.WEIGHT_SHARE >> 2)] = weight
      words[entry + (at.WEIGHT_OWED >> 2)] = 0
    })
    writeSplit(record, position)
  }

  const writeSplit = (record: number, { split }: PositionInput) => {
    words[record + (at.POSITION_SPLIT >> 2)] = at.SPLIT_NONE
    if (!split) return
    const isCookie = 'cookie' in split.key
    const name = encoder.encode('cookie' in split.key ? split.key.cookie : split.key.header)
    if (name.length > at.POSITION_KEY_BYTES_MAX) throw new RangeError('the user key is too long')
    words[record + (at.POSITION_SPLIT >> 2)] = isCookie ? at.SPLIT_COOKIE : at.SPLIT_HEADER
    words[record + (at.POSITION_SEED >> 2)] = split.seed
    words[record + (at.POSITION_KEY_BYTES >> 2)] = name.length
    memory.set(name, (record << 2) + at.POSITION_KEY)
  }

  /** The same position keeps what its releases are owed: often changed tables do not starve small weights. */
  const writeOrCopy = (next: Served, app: string, position: PositionInput) => {
    const number = next.appNumbers.get(app)!
    const former = served?.appNumbers.get(app)
    if (served && former !== undefined && applied.get(app) === position) {
      const from = positionAt(served.side, former)
      words.copyWithin(positionAt(next.side, number), from, from + (at.POSITION_BYTES >> 2))
    } else write(next.side, number, position)
  }

  const flip = (next: Served, positions: ReadonlyMap<string, PositionInput>) => {
    served = next
    words[at.SERVED >> 2] = sideOffset(next.side)
    applied.clear()
    for (const [app, position] of positions) applied.set(app, position)
  }

  return {
    load(bytes) {
      const side = served?.side === 0 ? 1 : 0
      const region = regions[side]!
      if (bytes.length > tableBytes) return `the table is larger than ${tableBytes} bytes`
      memory.set(bytes, region.table)
      const verdict = verify(region.table, bytes.length)
      if (verdict !== 0) return `the table is refused: ${refusals[verdict]}`
      const { apps, backends, linked } = readTableNames(memory, words, region.table)
      try {
        backends.forEach((release, n) => {
          words[(region.backends >> 2) + n] = numbers.numberOf(release)
        })
      } catch (error) {
        return (error as Error).message
      }
      const next: Served = {
        side,
        apps,
        appNumbers: new Map(apps.map((app, n) => [app, n])),
        backends: new Set(backends),
        linked: new Set(linked),
      }
      words.fill(0, positionAt(side, 0), positionAt(side, apps.length))
      const positions = new Map<string, PositionInput>()
      for (const app of apps) {
        const position = choose(app, next.backends)
        if (!position) continue
        writeOrCopy(next, app, position)
        positions.set(app, position)
      }
      flip(next, positions)
      return null
    },
    tableBytes() {
      if (!served) return memory.subarray(0, 0)
      const start = regions[served.side]!.table
      return memory.subarray(start, start + words[(start + table.TABLE_BYTES) >> 2]!)
    },
    setPositions(positions) {
      for (const position of positions) {
        const { app } = position
        wanted.delete(app)
        wanted.set(app, position)
        const number = served?.appNumbers.get(app)
        if (!served || number === undefined || !applicable(position, served.backends)) continue
        if (!samePosition(applied.get(app), position)) write(served.side, number, position)
        applied.set(app, position)
      }
      for (const app of wanted.keys()) {
        if (wanted.size <= keptPositionsMax) break
        if (!served?.appNumbers.has(app)) wanted.delete(app)
      }
    },
    positions() {
      const generations: Record<string, number> = {}
      served?.apps.forEach((app, n) => {
        const record = positionAt(served!.side, n)
        if (words[record + (at.POSITION_APPLIED >> 2)] !== 1) return
        const low = words[record + (at.POSITION_GENERATION_LOW >> 2)]! >>> 0
        const high = words[record + (at.POSITION_GENERATION_HIGH >> 2)]!
        generations[app] = high * 2 ** 32 + low
      })
      return generations
    },
    linked: (release) => served?.linked.has(release) ?? false,
    appNumber: (app) => served?.appNumbers.get(app) ?? -1,
    names: (release) => served?.backends.has(release) ?? false,
  }
}

const samePosition = (held: PositionInput | undefined, position: PositionInput): boolean =>
  held !== undefined &&
  held.generation === position.generation &&
  sameSplit(held.split, position.split) &&
  held.weights.length === position.weights.length &&
  held.weights.every(
    ({ release, weight }, n) =>
      release === position.weights[n]!.release && weight === position.weights[n]!.weight,
  )

function sameSplit(a: PositionInput['split'], b: PositionInput['split']): boolean {
  if (!a || !b) return a === b
  const name = ({ key }: NonNullable<PositionInput['split']>) =>
    'cookie' in key ? `cookie ${key.cookie}` : `header ${key.header}`
  return a.seed === b.seed && name(a) === name(b)
}
