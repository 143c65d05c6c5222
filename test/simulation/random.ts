/** A seeded source of chance: one number gives the same run again, everywhere. */
export interface Random {
  /** 0 ≤ n < 1 */
  next(): number
  below(count: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
  hex(chars: number): string
}

/** Mulberry32: 32 bits of state, good enough to choose what happens next. */
export function createRandom(seed: number): Random {
  let word = seed >>> 0
  const next = () => {
    word = (word + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(word ^ (word >>> 15), word | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (count: number) => Math.floor(next() * count)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]!,
    hex: (chars) => Array.from({ length: chars }, () => below(16).toString(16)).join(''),
  }
}
