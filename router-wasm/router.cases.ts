/** One named case for each routing rule; run on the reference and on the WASM. */
import { live } from './objects.cases.ts'
import type { RouterCase } from './router-case.ts'
import { conditions, cookies, ties } from './router-conditions.cases.ts'
import { destinations, filters, services, splits, unplaced } from './router-destinations.cases.ts'
import { hosts, paths } from './router-paths.cases.ts'

export const routerCases: readonly RouterCase[] = [
  ...[...hosts, ...paths, ...conditions, ...cookies, ...ties, ...filters].map((one) => ({
    ...one,
    objects: [...one.objects, ...live],
  })),
  ...destinations.map((one) => ({
    ...one,
    objects: one.objects.some(({ kind }) => kind === 'position')
      ? one.objects
      : [...one.objects, ...live],
  })),
  ...splits,
  ...services,
  ...unplaced,
]
