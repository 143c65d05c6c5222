/**
 * What `?dryRun=true` answers: everything that the real call would do, had it been asked at this moment.
 * Nothing of it has happened. A call that would be refused is refused the same way, with `dryRun: true`.
 */
import { z } from 'zod'
import * as names from './names.ts'
import { snapshotObject } from './object.ts'
import { warningCode } from './warning-codes.ts'

const object = snapshotObject.meta({ id: 'SnapshotObject' })

export const warning = z.strictObject({
  code: warningCode,
  message: z.string(),
  /** What it is about: the key of an object, a release, or `cluster/agent`. */
  object: z.string().optional(),
})

/** What a cluster's agents would get. */
export const clusterChange = z.strictObject({
  from: names.digestHex,
  to: names.digestHex,
  put: z.array(z.strictObject({ key: z.string(), before: object.nullable(), after: object })),
  removed: z.array(z.strictObject({ key: z.string(), before: object })),
  /** Changed objects that are not shown, because the answer would become too big. */
  omitted: z.int().min(0),
  /** The same as sentences. */
  words: z.array(z.string()),
})

/** An agent that has a part in it. */
export const askedAgent = z.strictObject({
  cluster: names.clusterName,
  agent: names.agentName,
  /**
   * `must acknowledge`: the switch waits for it. `must let go`: what is removed waits until it has shown
   * that it uses it no more. `must serve`: its cluster's snapshot changes; nothing waits for it.
   */
  why: z.enum(['must acknowledge', 'must let go', 'must serve']),
  now: z.enum(['current', 'behind', 'stale', 'drifting', 'silent', 'unseen']),
})

export const dryRunView = z.strictObject({
  accepted: z.literal(true),
  /** That the change would get. */
  revision: names.revision,
  /** Of the real answer. */
  status: z.int(),
  /** The real answer, its secrets null. */
  body: z.unknown(),
  /** That would be recorded, without hashes of secrets. */
  events: z.array(z.looseObject({ type: z.string(), v: z.int() })),
  clusters: z.record(names.clusterName, clusterChange),
  agents: z.array(askedAgent),
  warnings: z.array(warning),
})

export type DryRunView = z.infer<typeof dryRunView>
export type ClusterChange = z.infer<typeof clusterChange>
export type AskedAgent = z.infer<typeof askedAgent>
export type Warning = z.infer<typeof warning>
