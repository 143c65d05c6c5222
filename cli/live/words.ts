/** A release in one line: what a log of a CI job shows at each change, and a list in a column. */
import { agentPlace } from '#wire/names.ts'
import type { Release } from '../answers.ts'
import { durationWords } from '../times.ts'

/** `shop-r2 preparing · step 2 of 4: 25 % · 3/4 agents prepared · waits: …` */
export function lineOf(release: Release): string {
  const { id, version, status, waiting } = release
  return [
    `${id} (${version}) ${status}`,
    stepWords(release),
    agentWords(release),
    rollingWords(release),
    waiting && `waits: ${waiting.message}`,
  ]
    .filter((part) => part !== null)
    .join(' · ')
}

/** Of the step that is being made; what was reached is in the status. Null for a plan of one. */
export function stepWords({ steps, phase }: Release): string | null {
  if (steps.length < 2 || !/^(preparing|committing)$/.test(phase)) return null
  const done = steps.filter(({ state }) => state === 'done').length
  const current = steps.find(({ state }) => state === 'current')
  if (!current) return null
  return `step ${done + 1} of ${steps.length}: ${current.weight} % in ${current.clusters.join(', ')}`
}

export function agentWords({ agents, phase }: Release): string | null {
  if (!/^(preparing|committing|progressing|live)$/.test(phase) || agents.length === 0) return null
  const count = (state: string) => agents.filter((agent) => agent.state === state).length
  const named = agents.filter(({ state }) => /^(refused|silent|absent)$/.test(state))
  const words = phase === 'preparing' ? 'prepared' : 'active'
  const good = words === 'prepared' ? count('prepared') + count('active') : count('active')
  const trouble = named.map(({ state, ...ref }) => `${agentPlace(ref)} ${state}`)
  return [`${good}/${agents.length} agents ${words}`, ...trouble].join(', ')
}

function rollingWords({ rolling }: Release): string | null {
  if (!rolling || rolling.length === 0) return null
  const parts = rolling.map(
    ({ cluster, updated, copies, stalled }) =>
      `${cluster} ${updated}/${copies}${stalled ? ` (${stalled})` : ''}`,
  )
  return `copies ${parts.join(', ')}`
}

export const pauseWords = (pause: Release['steps'][number]['pause']): string =>
  pause === null ? '' : 'forMs' in pause ? durationWords(pause.forMs) : `until ${pause.until}d`

/** First to last agent of the newest switch, with the error bound of the estimate. */
export function skewWords({ switch: newest }: Release): string | null {
  if (!newest || newest.skewMs === null) return null
  const error = newest.skewErrorMs === null ? '' : ` ± ${newest.skewErrorMs.toFixed(1)} ms`
  return `${newest.skewMs.toFixed(1)} ms${error}`
}

export function ledgerWords({ ledger }: Release): string {
  const { inUse, acknowledged, mayDecommission } = ledger
  const traffic = acknowledged ? 'no public traffic, acknowledged' : 'public traffic possible'
  return `${inUse} in use; ${traffic}; ${mayDecommission ? 'may' : 'may not'} be decommissioned`
}
