/** HAProxy's `balance` algorithms where a route can choose its endpoints in the same way. Pure. */
import type { LoadBalance } from '#wire/filter.ts'
import { headerName } from '#wire/names.ts'

/** Null: what every route does. Text: why it is not done, and what is instead. */
export function readLoadBalance(value: string): LoadBalance | null | string {
  switch (value.toLowerCase()) {
    case 'leastconn':
      return null
    // Here endpoints have no weights that could change while it runs.
    case 'roundrobin':
    case 'static-rr':
      return { type: 'round-robin' }
    case 'random':
    case 'random(2)':
      return { type: 'random' }
    case 'source':
      return { type: 'client-address' }
    case 'uri':
      return { type: 'path' }
  }
  const [, given] = /^hdr\((.+)\)$/i.exec(value) ?? []
  const header = headerName.safeParse(given)
  if (header.success) return { type: 'header', header: header.data }
  return 'where roundrobin, static-rr, leastconn, random, source, uri and hdr(<name>) are done; the endpoint with the fewest requests in progress is taken'
}
