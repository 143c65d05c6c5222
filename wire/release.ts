/**
 * Releases: the intents that operators send and the release as the API shows it. A release is one
 * attempt to put one version live; an immutable version that can take traffic.
 */
import { z } from 'zod'
import { limits } from './limits.ts'
import * as names from './names.ts'

export const releaseIntent = z.strictObject({
  app: names.appName,
  version: names.version,
  /** Left out: all clusters of the app. */
  clusters: z.array(names.clusterName).min(1).max(limits.clusters).optional(),
  strategy: z.literal('blueGreen').default('blueGreen'),
  /** Where the candidate can be tried before it is public: this path prefix, rewritten to `/`. */
  preview: z
    .strictObject({ path: names.pathValue.refine((path) => path !== '/', 'not "/"') })
    .optional(),
  /** Promote without being asked once the candidate is ready. Left out: only when nothing is live yet. */
  autoPromote: z.boolean().optional(),
  /** An agent that stays silent until the deadline: abort the switch, or go on and name it. */
  whenSilent: z.enum(['abort', 'proceed']).default('abort'),
  /** How long a switch waits for the acks of the required agents. */
  deadlineMs: z.int().min(100).max(limits.switchDeadlineMs).default(30_000),
})
export type ReleaseIntent = z.infer<typeof releaseIntent>

/**
 * starting → ready → preparing → committing → live → retired → decommissioning → decommissioned
 *    └────────┴──────────┴─▶ aborted ─▶ …            (a rolled-back release is retired; promote again)
 */
export const releasePhase = z.enum([
  'starting', // copies start; endpoints are awaited
  'ready', // enough ready endpoints at every required agent; waits for promote
  'preparing', // the switch is proposed; acks are awaited
  'committing', // decided: only forward
  'live', // public, acknowledged by every required agent
  'retired', // was live, has no public traffic, can be gone back to
  'aborted', // never became live; its copies stop when nothing uses them
  'decommissioning', // its preview is being removed; copies stop when every agent has acked
  'decommissioned', // gone
])
export type ReleasePhase = z.infer<typeof releasePhase>

export const waitingCode = z.enum([
  'endpoints', 'promote', 'acks', 'active', 'agents-absent', 'in-use', 'table',
]) // biome-ignore format: a list

export const agentInRelease = z.strictObject({
  cluster: names.clusterName,
  agent: names.agentName,
  /** What this agent's newest report says about this release's switch. */
  state: z.enum(['pending', 'prepared', 'active', 'refused', 'silent', 'absent']),
  revision: names.revision,
  preparedGeneration: names.generation,
  activeGeneration: names.generation,
  readyEndpoints: z.int().min(0),
  inUse: z.int().min(0),
  stale: z.boolean(),
  refusal: z.string().nullable(),
  /** Agent's own measure: header received until every worker had swapped. */
  appliedMs: z.number().nullable(),
})

/** The newest switch that moved this release in or out of the public position. */
export const switchView = z.strictObject({
  generation: names.generation,
  kind: z.enum(['promote', 'rollback']),
  state: z.enum(['preparing', 'committing', 'completed', 'aborted']),
  proposedAtMs: z.int(),
  decidedAtMs: z.int().nullable(),
  completedAtMs: z.int().nullable(),
  /** Agents that the switch waits or waited for. */
  required: z.array(z.strictObject({ cluster: z.string(), agent: z.string() })),
  /** Agents it went on without: "live except". */
  except: z.array(z.strictObject({ cluster: z.string(), agent: z.string() })),
  /** First to last agent, estimated from both sides' monotonic clocks, and its error bound. */
  skewMs: z.number().nullable(),
  skewErrorMs: z.number().nullable(),
  reason: z.string().nullable(),
})

export const releaseView = z.strictObject({
  id: names.releaseId,
  app: names.appName,
  version: names.version,
  strategy: z.literal('blueGreen'),
  clusters: z.array(names.clusterName),
  preview: z.strictObject({ path: z.string() }).nullable(),
  phase: releasePhase,
  /** "live", "live except us-1-b", "committed, incomplete: us-1" …: the phase in words. */
  status: z.string(),
  /** Why it waits; null when it does not. */
  waiting: z.strictObject({ code: waitingCode, message: z.string() }).nullable(),
  createdAtMs: z.int(),
  createdBy: z.string(),
  whenSilent: z.enum(['abort', 'proceed']),
  deadlineMs: z.int(),
  switch: switchView.nullable(),
  agents: z.array(agentInRelease),
  ledger: z.strictObject({
    inUse: z.int().min(0),
    /** Every enrolled agent has acked that public traffic has left, or is proven absent. */
    acknowledged: z.boolean(),
    mayDecommission: z.boolean(),
  }),
  rollback: z.strictObject({
    ready: z.boolean(),
    to: names.releaseId.nullable(),
    reason: z.string().nullable(),
  }),
  /** Changes with every change of the release's state: for `If-Match`. */
  etag: z.string(),
})
export type ReleaseView = z.infer<typeof releaseView>
export type AgentInRelease = z.infer<typeof agentInRelease>
export type SwitchView = z.infer<typeof switchView>
