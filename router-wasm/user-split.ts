/**
 * Which release of a shared position a user's key leads to: `assembly/position.ts` says the same. The key's
 * hash, seeded by the candidate, is a place between 0 and the sum of the weights; each release has the places
 * up to its share, in order. So shares are exact to one in 2^32, the same at every agent, and whoever is below
 * a share stays below it when it grows (P10).
 */
import type { Split } from '#wire/object.ts'
import { cookieOf } from './cookies.ts'
import { finish, hashText } from './table-hash.ts'

interface Weight {
  readonly release: string
  readonly weight: number
}

/** The value that tells users apart; undefined when the request has none, and takes a turn instead. */
export function userKeyOf(
  { key }: Split,
  fields: readonly { readonly name: string; readonly value: string }[],
): string | undefined {
  const value =
    'cookie' in key
      ? cookieOf(fields, key.cookie)
      : fields.find(({ name }) => name.toLowerCase() === key.header)?.value
  return value === '' ? undefined : value
}

/** `weights` have a sum above 0. */
export function releaseFor({ seed }: Split, weights: readonly Weight[], key: string): string {
  const sum = weights.reduce((total, { weight }) => total + weight, 0)
  const hash = finish(hashText(seed, key), 0)
  // 53 bits hold the product: sums are at most 16 million.
  const place = Math.floor((hash * sum) / 2 ** 32)
  let share = 0
  for (const { release, weight } of weights) {
    share += weight
    if (place < share) return release
  }
  throw new Error('the weights have no sum')
}
