/**
 * Ends of traffic that somebody has ordered: a worker that stops, and releases whose drain deadline has
 * passed. Both are bounded, and both let what can finish finish.
 */
import { setImmediate as reads, setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { DataPath } from './data-path.ts'

const pollMs = 20
const stepMs = 20

/** What came in meanwhile is read before the time is up: a worker that was stalled ends nothing unheard. */
async function pass(ms: number): Promise<void> {
  await sleep(ms)
  await reads()
}

/**
 * Drains a worker that has said "not ready" already: goes on accepting until balancers have noticed, then
 * refuses new connections, answers with `Connection: close`, closes what is idle, and cuts the rest at
 * the drain timeout.
 */
export async function drain(path: DataPath): Promise<void> {
  const { limits } = path
  const endMs = performance.now() + limits.drainTimeoutMs
  await pass(limits.drainNotReadyMs)
  path.draining = true
  path.server.close()
  // A request on its way over an idle connection still gets its answer.
  const idleEndMs = performance.now() + limits.drainIdleMs
  const wait = async (untilMs: number) => {
    while (path.clients().length > 0 && performance.now() < untilMs) await pass(pollMs)
  }
  await wait(Math.min(idleEndMs, endMs))
  for (const client of path.clients()) if (client.isIdle()) client.close()
  await wait(endMs)
  for (const client of path.clients()) client.user?.leave?.()
  await wait(endMs + limits.closeWindowMs)
  for (const client of path.clients()) client.user?.cut()
  await wait(performance.now() + limits.closeWindowMs)
  path.stop()
}

/**
 * Ends what is open on these releases, spread over the window (DESIGN §5, decommission while in use):
 * tunnels are told 1001 and get the window again to answer; then, like exchanges at once, they are cut.
 */
export async function closeReleases(path: DataPath, releases: readonly string[]): Promise<void> {
  const closing = new Set(releases)
  const uses = (client: Client) => client.user !== null && closing.has(client.user.count.release)
  const open = path.clients().filter(uses)
  const perStep = Math.ceil(open.length / Math.max(1, path.limits.closeWindowMs / stepMs))
  for (let start = 0; start < open.length; start += perStep) {
    for (const client of open.slice(start, start + perStep)) if (uses(client)) end(client)
    if (start + perStep < open.length) await pass(stepMs)
  }
  const endMs = performance.now() + path.limits.closeWindowMs
  while (open.some(uses) && performance.now() < endMs) await pass(pollMs)
  for (const client of open) if (uses(client)) client.user?.cut()
}

function end(client: Client): void {
  if (client.user?.leave) client.user.leave()
  else client.user?.cut()
}
