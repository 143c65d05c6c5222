/**
 * The file that tells control how to reach NATS: its own user and the one of each cluster, which agents
 * get when they enrol. Whoever sets up the server writes it (mode 0600).
 */
import { z } from 'zod'
import * as names from '#wire/names.ts'

const natsUser = z.strictObject({ user: z.string().min(1), password: z.string().min(1) })

export const natsCredentials = z.strictObject({
  control: natsUser,
  clusters: z.record(names.clusterName, natsUser),
})
export type NatsCredentials = z.infer<typeof natsCredentials>

/** Replies to control travel here; no cluster's user may listen. */
export const controlInbox = '_INBOX_control'
