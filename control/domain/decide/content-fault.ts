/**
 * What an intent would make of the agents' content, judged before anything is recorded: each new object
 * within its limits, in a format that every agent reads, and compiled by the agents' own compiler (P5).
 */
import type { Rejection } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import { agentPlace } from '#wire/names.ts'
import { formatOf, type SnapshotObject } from '#wire/object.ts'
import { difference } from '#wire/tree.ts'
import type { Compile } from '../decide.ts'
import type { Intent } from '../input.ts'
import { reject } from '../rejections.ts'
import type { Fleet } from '../reports/fleet.ts'
import { currentReport } from '../reports/reading.ts'
import { agentsOf, type State } from '../state.ts'

/** Intents that can make objects which no agent has seen the like of. */
const makesContent: ReadonlySet<Intent['type']> = new Set([
  'put-app',
  'create-release',
  'put-ingress',
])

export function contentFault(
  before: State,
  after: State,
  fleet: Fleet,
  intent: Intent,
  compile: Compile,
): Rejection | null {
  if (!makesContent.has(intent.type)) return null
  for (const { name, tree } of after.clusters.values()) {
    const held = before.clusters.get(name)?.tree
    if (!held || held.root === tree.root) continue
    for (const object of difference(held, tree).put) {
      const fault = objectFault(before, fleet, object)
      if (fault) return fault
    }
    const fault = compile(name, tree, held)
    if (fault) {
      const { code, object, reason } = fault
      return {
        code,
        detail: `${object}: ${reason}`,
        fix: 'Change the route that the object came from; nothing has been changed.',
        evidence: { cluster: name, object },
      }
    }
  }
  return null
}

function objectFault(state: State, fleet: Fleet, object: SnapshotObject): Rejection | null {
  if (formatOf(object) > state.format) return formatFault(state, fleet, object.key)
  if (object.kind !== 'route') return null
  const full = object.matches.find(
    ({ headers, cookies = [] }) =>
      headers.length > limits.headersPerMatch || cookies.length > limits.headersPerMatch,
  )
  if (!full) return null
  return {
    code: 'limit-reached',
    detail: `${object.key}: a match has more than ${limits.headersPerMatch} headers or cookies.`,
    fix: 'A preview or a target by header or cookie adds one to each match of the app: leave one out.',
    evidence: { object: object.key },
  }
}

/** What needs a newer content format, and the agents that do not read it or have not said so. */
export function formatFault(state: State, fleet: Fleet, what: string): Rejection {
  const next = state.format + 1
  const behind = [...agentsOf(state, [...state.clusters.keys()])].filter(
    (agent) => !currentReport(state, fleet, agent)?.formats.includes(next),
  )
  const names = behind.map(({ cluster, agent }) => ({ cluster, agent }))
  const list = names.map(agentPlace).join(', ') || 'no agent has reported yet'
  return reject(
    'format-not-supported',
    `${what} needs content format ${next}; the fleet uses ${state.format}, because of: ${list}.`,
    {
      fix: 'Upgrade these agents; the format is raised by itself once every agent reads it.',
      evidence: { format: state.format, agents: names },
    },
  ).rejection
}
