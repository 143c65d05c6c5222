/**
 * The message up: an agent's whole state, signed by its own key (DESIGN D2). It is cumulative, so the
 * newest one is enough; acks, nacks and the ledger are readings of it.
 */
import { z } from 'zod'
import { refusalCode } from './codes.ts'
import { epoch } from './header.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'

/** How far the platform has replaced copies: said by the lease's holder, in Kubernetes' words. */
export const rollingReport = z.strictObject({
  release: names.releaseId,
  /** Copies of the new release that exist, and those that count as ready. */
  updated: z.int().min(0),
  ready: z.int().min(0),
  /** Copies of the replaced releases that still exist. */
  old: z.int().min(0),
  /** Set when it does not go on: `ProgressDeadlineExceeded` and what the copies say. */
  stalled: z.string().max(limits.reasonChars).nullable(),
})

/** Why copies of a release do not become ready, in its platform's words. */
export const troubleReport = z.strictObject({
  release: names.releaseId,
  message: z.string().min(1).max(limits.reasonChars),
})

const countsByRelease = z.record(names.releaseId, z.int().min(0))

/** One app's position at this agent: the last of three is the proof that traffic has moved. */
export const positionReport = z.strictObject({
  /** Generation of `next` for which this agent holds the table and `minReady` endpoints; else 0. */
  prepared: names.generation,
  /** Generation that is on disk and swapped in every worker. */
  active: names.generation,
  /** Agent's monotonic clock: from the header's receipt until active; null after a restart. */
  appliedMs: z.number().min(0).nullable(),
  /** From active until this report was made. Together they bound the moment of the switch. */
  activeForMs: z.number().min(0).nullable(),
})

export const refusal = z.strictObject({
  code: refusalCode,
  /** Revision that was refused; null when it could not be read. */
  revision: names.revision.nullable(),
  reason: z.string().max(limits.reasonChars),
  /** How often since the agent started. */
  count: z.int().min(1),
})

export const report = z.strictObject({
  cluster: names.clusterName,
  agent: names.agentName,
  /** Random id of the pilot's life; `sequence` rises within it. */
  instance: z.string().regex(/^[0-9a-f]{16}$/),
  /** Wall-clock start of this life: orders instances of one agent. */
  startedAtMs: z.int().min(0),
  sequence: z.int().min(1),
  /** The newest header admitted. */
  epoch,
  revision: names.revision,
  /** Digest of what the workers really serve, recomputed from their memory; equal to the header's or drift. */
  digest: names.digestHex,
  formats: z.array(z.int().min(1)).min(1).max(16),
  /** Serving the last-known-good because no header could be fetched. */
  stale: z.boolean(),
  /** Serving something else than admitted; what differs, in words. */
  drift: z.string().max(limits.reasonChars).nullable(),
  workers: z.int().min(0).max(256),
  positions: z.record(names.appName, positionReport),
  /** Ready endpoints by release. */
  readyEndpoints: countsByRelease,
  /** The ledger: exchanges in progress and tunnels by release. */
  inUse: countsByRelease,
  refusals: z.array(refusal).max(16),
  /** SHA-256 fingerprint ids of the control keys this agent has pinned. */
  pinnedKeys: z.array(z.string().regex(/^[0-9a-f]{16}$/)).max(16),
  /** Only once the held header has format 2: a control of format 1 would refuse the report. */
  rolling: z.array(rollingReport).max(64).optional(),
  /** Absent: none. Only once the held header has format 2, as above. */
  troubles: z.array(troubleReport).max(limits.troublesPerReport).optional(),
})

export type Report = z.infer<typeof report>
export type PositionReport = z.infer<typeof positionReport>
export type RollingReport = z.infer<typeof rollingReport>
export type TroubleReport = z.infer<typeof troubleReport>
export type Refusal = z.infer<typeof refusal>
