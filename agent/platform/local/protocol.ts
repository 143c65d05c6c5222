/** What `local.ts` and `cluster.ts` say to each other over HTTP on loopback; both are one version. */
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import { workloadObject } from '#wire/object.ts'
import { rollingReport, troubleReport } from '#wire/report.ts'

export const paths = { endpoints: '/endpoints', workloads: '/workloads', lease: '/lease' } as const

/**
 * Copies of all releases together in one local cluster: each is a process. While copies are replaced there
 * may be as many old ones beside them.
 */
export const copiesMax = 256
export const workloadsMax = 1_024
export const bodyBytesMax = 1_048_576
/** A holder that does not renew for this long has lost the lease. */
export const leaseMs = 3_000
/** Copies that a new epoch does not know run on for as long as agents may need to follow it. */
export const orphanMs = 30_000
/** Header of an agent that understands the event `troubles`: a former one would break off the stream. */
export const readsHeader = { name: 'switchyard-reads', value: 'troubles' } as const
/** Sent on an endpoint stream when nothing else is; three missed and the reader connects anew. */
export const heartbeatMs = 1_000

const endpoint = z.strictObject({
  address: z.union([z.ipv4(), z.ipv6()]),
  port: z.int().min(1).max(65_535),
})
const endpointList = z.array(endpoint).max(limits.copiesPerRelease)

/**
 * `data` of the stream's events: all endpoints first, then those of one release at a time (empty: gone);
 * how far copies have been replaced, and why some do not become ready, always as a whole (none until the
 * first such event).
 */
export const streamEvent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('state'), endpoints: z.record(names.releaseId, endpointList) }),
  z.strictObject({
    type: z.literal('change'),
    release: names.releaseId,
    endpoints: endpointList,
  }),
  z.strictObject({
    type: z.literal('replacements'),
    replacements: z.array(rollingReport).max(workloadsMax),
  }),
  z.strictObject({
    type: z.literal('troubles'),
    troubles: z.array(troubleReport).max(limits.troublesPerReport),
  }),
])

export const workload = z.strictObject({
  app: names.appName,
  release: names.releaseId,
  version: names.version,
  program: names.routeName,
  copies: z.int().min(0).max(limits.copiesPerRelease),
  rolling: workloadObject.shape.rolling,
})

export const workloadsPut = z.strictObject({
  holder: names.agentName,
  epoch: z.int().min(1),
  revision: names.revision,
  /** Version that the writer has read. */
  expected: z.int().min(0),
  workloads: z.array(workload).max(workloadsMax),
})

export const desiredState = z.strictObject({
  /** Rises with every accepted write. */
  version: z.int().min(0),
  epoch: z.int().min(0),
  revision: names.revision,
  workloads: z.array(workload).max(workloadsMax),
})

export const leaseRequest = z.strictObject({ holder: names.agentName })

export type StreamEvent = z.infer<typeof streamEvent>
export type DesiredState = z.infer<typeof desiredState>
export type LocalWorkload = z.infer<typeof workload>
export type WorkloadsPut = z.infer<typeof workloadsPut>
