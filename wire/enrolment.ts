/** How an agent joins (DESIGN D14): it shows a token of its cluster and its own public key, once. */
import { z } from 'zod'
import { epoch } from './header.ts'
import * as names from './names.ts'
import { publicKeyText } from './signature.ts'

export const enrolmentRequest = z.strictObject({
  cluster: names.clusterName,
  agent: names.agentName,
  publicKey: publicKeyText,
})

export const enrolmentAnswer = z.strictObject({
  cluster: names.clusterName,
  agent: names.agentName,
  epoch,
  /** Control's public keys to pin. */
  controlKeys: z.array(publicKeyText).min(1).max(16),
  /** Bearer token of this agent for the `http` transport. */
  token: z.string().min(16).max(256),
  /** The cluster's own NATS user, when control publishes over NATS. */
  nats: z
    .strictObject({ servers: z.array(z.string()).min(1), user: z.string(), password: z.string() })
    .nullable(),
})

/**
 * What an agent without an enrolment may begin with when control cannot be asked: an operator brought it to
 * the cluster, whose NATS leaf then answers.
 */
export const introduction = z.strictObject({
  cluster: names.clusterName,
  controlKeys: enrolmentAnswer.shape.controlKeys,
  nats: z.strictObject({ user: z.string().min(1), password: z.string().min(1) }),
})

export type Introduction = z.infer<typeof introduction>
export type EnrolmentRequest = z.infer<typeof enrolmentRequest>
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswer>
