/**
 * Why the copies of a release do not become ready, by the word of their platforms: what the agents report
 * that apply its workloads. It explains a wait, and decides nothing.
 */

import { agentsOf, type ReleaseState, type State } from '../state.ts'
import type { Fleet } from './fleet.ts'
import { currentReport, isSilent } from './reading.ts'

/** "eu-1: this cluster has no program shop-9 …", each cluster's once; what a silent agent said is over. */
export function troublesOf(
  state: State,
  fleet: Fleet,
  { id, clusters }: Pick<ReleaseState, 'id' | 'clusters'>,
  now: number,
): readonly string[] {
  const said = [...agentsOf(state, clusters)].flatMap((agent) => {
    if (isSilent(state, fleet, agent, now)) return []
    const own = currentReport(state, fleet, agent)?.troubles?.filter(
      ({ release }) => release === id,
    )
    return (own ?? []).map(({ message }) => `${agent.cluster}: ${message}`)
  })
  return [...new Set(said)]
}

const charsMax = 2_048

/** A sentence, and what the platforms say of it. */
export const because = (sentence: string, troubles: readonly string[]): string =>
  [sentence, ...troubles].join('; ').slice(0, Math.max(sentence.length, charsMax))
