/** The end of the demo: every request is judged, and what the switches took. True when all was flawless. */
import type { LoadResult } from '../../../bench/load/plan.ts'
import { describe, judge, lastSentMs, spread } from '../../../bench/load/verdict.ts'
import { ms, red, say } from '../screen.ts'
import { checkUsers } from './canary.ts'
import { type Canary, headline, type Scene, tookMs } from './scene.ts'

export function figures(result: LoadResult, { history, switched }: Scene, canary: Canary): boolean {
  headline('The users of the canary')
  checkUsers(canary, result)

  const verdict = judge(result, history.allowed)
  const lastOld = switched.map(({ from, calledMs, answeredMs }) =>
    Math.max(0, (lastSentMs(result.samples, from, answeredMs) ?? calledMs) - calledMs),
  )
  const [old, whole] = [spread(lastOld), spread(switched.map(tookMs))]
  const { requests, failed, misrouted, truncated, latencyMs } = verdict
  headline('Figures')
  say(`  ${requests} requests: ${failed} failed, ${misrouted} misrouted, ${truncated} truncated`)
  say(`  latency: p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}`)
  say(`  ${old.count} switches, from the call`)
  say(`    to the last request on the old version: p50 ${ms(old.p50)}, max ${ms(old.max)}`)
  say(`    to the answer that every agent is active: p50 ${ms(whole.p50)}, max ${ms(whole.max)}`)
  const flawless = failed === 0 && misrouted === 0
  if (!flawless) say(red(describe(verdict)))
  return flawless
}
