/**
 * A route's policy: what it asks for the time after its request was matched, which is how long things may take,
 * which endpoint, and how the response's head changes. In the table it is one piece that refers to nothing outside
 * itself, so that a copy of it can outlive the table.
 */
import type { LoadBalance, RouteFilters } from '#wire/filter.ts'
import { type Change, changesOf } from './changes.ts'
import type { Image } from './table-image.ts'
import * as at from './table-layout.ts'

export interface Policy {
  /** In the order of the words POLICY_REQUEST_MS to POLICY_TUNNEL_IDLE_MS; 0: none of its own. */
  readonly timesMs: readonly number[]
  /** BALANCE_* */
  readonly balance: number
  /** Name of a header, lower case, or empty. */
  readonly key: string
  readonly changes: readonly Change[]
}

const balances: Readonly<Record<LoadBalance['type'], number>> = {
  'round-robin': at.BALANCE_TURNS,
  random: at.BALANCE_RANDOM,
  'client-address': at.BALANCE_ADDRESS,
  path: at.BALANCE_PATH,
  header: at.BALANCE_HEADER,
}

/** Null when the route asks for nothing of the kind. */
export function policyOf({ timeouts, loadBalance, responseHeaders }: RouteFilters): Policy | null {
  if (!timeouts && !loadBalance && !responseHeaders) return null
  const { requestMs, backendRequestMs, connectMs, idleMs, tunnelIdleMs } = timeouts ?? {}
  const timesMs = [requestMs, backendRequestMs, connectMs, idleMs, tunnelIdleMs]
  return {
    timesMs: timesMs.map((ms) => ms ?? 0),
    balance: loadBalance ? balances[loadBalance.type] : at.BALANCE_LEAST,
    key: loadBalance?.type === 'header' ? loadBalance.header.toLowerCase() : '',
    changes: changesOf(responseHeaders),
  }
}

export function writePolicy(image: Image, { timesMs, balance, key, changes }: Policy): void {
  let end = at.POLICY_CHANGES + changes.length * at.CHANGE_BYTES
  const texts: string[] = []
  const place = (text: string): [offset: number, bytes: number] => {
    texts.push(text)
    end += text.length
    return [end - text.length, text.length]
  }
  const keyWords = place(key)
  const records = changes.map(({ kind, name, value }) => [kind, ...place(name), ...place(value)])
  image.words((end + 3) & ~3, ...timesMs, balance, ...keyWords, changes.length)
  for (const record of records) image.words(...record)
  for (const text of texts) image.raw(text)
  image.align(4)
}
