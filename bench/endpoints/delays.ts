/** How long changes take to every worker; one that has not come in its time is counted as lost, and not waited for. */
import type { Changes } from './changes.ts'

export interface Delays {
  /** From the API server's event, as a bare watch beside the pilot sees it, to the last worker. */
  readonly event: number[]
  /** From the call that makes the change, the API server's own work included. */
  readonly call: number[]
  lost: number
}

/** When the last worker had said that its router has this address of the release. */
export type Arrival = (release: string, address: string) => Promise<number>

export const noDelays = (): Delays => ({ event: [], call: [], lost: 0 })

const lostAfterMs = 10_000

/** Another release's address; done when the last worker has it, or when it is lost. */
export async function changeOne(
  untilWorkersHave: Arrival,
  of: Changes,
  delays: Delays,
  withinMs = lostAfterMs,
): Promise<void> {
  const calledMs = performance.now()
  const { release, address } = of.next()
  const arrived = untilWorkersHave(release, address)
  const all = Promise.all([of.change(release, address), of.seen(address), arrived])
  const late = Promise.withResolvers<null>()
  const timer = setTimeout(() => late.resolve(null), withinMs)
  const came = await Promise.race([all, late.promise])
  clearTimeout(timer)
  if (!came) {
    delays.lost++
    return
  }
  const [, eventMs, doneMs] = came
  delays.event.push(Math.max(0, doneMs - eventMs))
  delays.call.push(doneMs - calledMs)
}
