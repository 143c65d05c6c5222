/**
 * The file that tells control how to reach NATS: its own user and the one of each cluster, which agents
 * get when they enrol. Whoever sets up the server writes it (mode 0600).
 */
import { z } from 'zod'
import * as names from '#wire/names.ts'

const natsUser = z.strictObject({ user: z.string().min(1), password: z.string().min(1) })
/** `leaf`: the cluster's stream is kept by a NATS leaf there, in the JetStream domain of its name (ADR 17). */
const clusterUser = natsUser.extend({ leaf: z.literal(true).optional() })

export const natsCredentials = z.strictObject({
  control: natsUser,
  clusters: z.record(names.clusterName, clusterUser),
})
export type NatsCredentials = z.infer<typeof natsCredentials>

/** Clusters whose stream is kept by a leaf. */
export const leavesOf = ({ clusters }: NatsCredentials): readonly string[] =>
  Object.entries(clusters).flatMap(([cluster, { leaf }]) => (leaf ? [cluster] : []))

/** Replies to control travel here; no cluster's user may listen. */
export const controlInbox = '_INBOX_control'
