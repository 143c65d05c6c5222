/** What is changed one at a time: one address of a release becomes another. */

export interface Changes {
  /** A release, and an address that none has had. */
  next(): { readonly release: string; readonly address: string }
  /** An endpoint of the release becomes this address. */
  change(release: string, address: string): Promise<unknown>
  /** When the bare watch had the event that brought the address. */
  seen(address: string): Promise<number>
  stop(): void
}

export const namespace = 'bench'
export const releaseOf = (n: number) => `app${n}-r1`
export const numberOf = (release: string) => Number(/\d+/.exec(release)![0])

export async function inTens(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < count; n += 10) {
    await Promise.all(Array.from({ length: Math.min(10, count - n) }, (_, k) => work(n + k)))
  }
}
