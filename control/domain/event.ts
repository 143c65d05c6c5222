/**
 * Everything that can have happened. Events are facts in the past tense and the only thing that changes
 * the state; what an agent reported is evidence inside them. Each carries its version `v`: an older one is
 * upcast when it is read, and a newer one stops the program instead of being guessed at.
 */
import { z } from 'zod'
import { appIntent } from '#wire/app.ts'
import { freezeIntent } from '#wire/freeze.ts'
import { epoch } from '#wire/header.ts'
import { ingressIntent } from '#wire/ingress.ts'
import * as names from '#wire/names.ts'
import { weight } from '#wire/object.ts'
import { preview, stepPause, strategy, target } from '#wire/release.ts'
import { tokenScope } from '#wire/token.ts'
import { webhookFormat } from '#wire/webhook.ts'

export const agentRef = z.strictObject({ cluster: names.clusterName, agent: names.agentName })
export type AgentRef = z.infer<typeof agentRef>

const scope = z.enum(['admin', 'release', 'read'])
const atMs = z.int().min(0)
const hash = names.digestHex

const fact = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), v: z.literal(1), ...shape })

/** What an agent had reported when a conclusion was drawn. */
const endpointsSeen = agentRef.extend({ revision: names.revision, readyEndpoints: z.int().min(0) })
const usageSeen = agentRef.extend({ revision: names.revision, inUse: z.int().min(0) })
const activeSeen = agentRef.extend({
  /** Header received until every worker had swapped, by the agent's clock. */
  appliedMs: z.number().nullable(),
  /** Bounds of the moment on control's monotonic clock, from the start of the publication. */
  notBeforeMs: z.number().nullable(),
  notAfterMs: z.number().nullable(),
})

/** Weights of an app's position in one cluster. */
const clusterWeights = z.strictObject({
  cluster: names.clusterName,
  weights: z.array(weight).max(16),
})

const step = z.strictObject({
  clusters: z.array(names.clusterName).min(1),
  weight: z.int().min(0).max(100),
  pause: stepPause.nullable(),
})

/** An Ingress object of a cluster. */
const ingress = {
  cluster: names.clusterName,
  namespace: names.namespace,
  name: names.objectName,
}

/** In whole copies. */
const rollingSettings = z.strictObject({
  maxSurge: z.int().min(0),
  maxUnavailable: z.int().min(0),
  minReadyMs: z.int().min(0),
  progressDeadlineMs: z.int().min(0),
})

export const event = z.discriminatedUnion('type', [
  fact('epoch-begun', { epoch, reason: z.enum(['init', 'recover']) }),
  /** Every enrolled agent reads this content format; from here on it may be published. */
  fact('format-raised', { format: z.int().min(2) }),
  /** Which keys agents shall pin, and the id of the one that signs from here on. */
  fact('keys-changed', { publicKeys: z.array(z.string()).min(1), signing: z.string() }),
  fact('cluster-added', { cluster: names.clusterName, enrolmentTokenHash: hash }),
  fact('enrolment-token-replaced', { cluster: names.clusterName, enrolmentTokenHash: hash }),
  fact('token-created', {
    name: z.string(),
    scope,
    tokenHash: hash,
    /** Left out: `scope` alone. */
    scopes: z.array(tokenScope).min(1).optional(),
    /** Left out: all. */
    apps: z.array(names.appName).min(1).optional(),
    clusters: z.array(names.clusterName).min(1).optional(),
    expiresAtMs: atMs.optional(),
  }),
  fact('token-revoked', { name: z.string() }),
  /** Where to is bound by a hash: the path of many receivers is a password (see `webhooks.ts`). */
  fact('webhook-set', {
    name: z.string(),
    origin: z.string(),
    urlHash: hash,
    events: z.array(z.string()).min(1),
    apps: z.array(names.appName).nullable(),
    format: webhookFormat,
  }),
  fact('webhook-removed', { name: z.string() }),
  fact('agent-enrolled', { ...agentRef.shape, publicKey: z.string(), tokenHash: hash }),
  fact('agent-forgotten', agentRef.shape),

  fact('app-created', { app: names.appName, intent: appIntent }),
  fact('app-changed', { app: names.appName, intent: appIntent }),
  /** Its routes and position leave these clusters now; its backends when nothing uses them. */
  fact('app-leaving', { app: names.appName, clusters: z.array(names.clusterName).min(1) }),
  fact('app-left', {
    app: names.appName,
    cluster: names.clusterName,
    evidence: z.array(usageSeen),
  }),
  fact('app-deletion-requested', { app: names.appName }),
  fact('app-deleted', { app: names.appName }),

  fact('release-created', {
    release: names.releaseId,
    app: names.appName,
    version: names.version,
    clusters: z.array(names.clusterName).min(1),
    preview: preview.nullable(),
    autoPromote: z.boolean(),
    whenSilent: z.enum(['abort', 'proceed']),
    deadlineMs: z.int().min(0),
    /** Left out: blue-green. */
    strategy: strategy.optional(),
    undo: names.releaseId.optional(),
    image: names.image.optional(),
    deployment: names.objectName.optional(),
    target: target.optional(),
    /** Left out: one step, all clusters, all traffic. */
    steps: z.array(step).min(1).optional(),
    rolling: rollingSettings.optional(),
  }),
  fact('release-ready', { release: names.releaseId, evidence: z.array(endpointsSeen) }),
  fact('release-aborted', { release: names.releaseId, reason: z.string() }),
  fact('release-paused', { release: names.releaseId, reason: z.string().nullable() }),
  fact('release-resumed', { release: names.releaseId }),
  fact('release-approved', { release: names.releaseId, reason: z.string().nullable() }),
  /** Promoted in spite of freeze windows, or without the approvals that were missing. */
  fact('release-overridden', {
    release: names.releaseId,
    reason: names.reason,
    freezes: z.array(z.string()),
    approvalsMissing: z.int().min(0),
  }),
  /** Its token is not kept; `link` is what the audit knows it by. */
  fact('preview-link-issued', {
    release: names.releaseId,
    link: z.string().regex(/^[0-9a-f]{16}$/),
    expiresAtMs: atMs,
  }),
  /** Every agent of the cluster reports endpoints of the new copies alone. */
  fact('copies-replaced', {
    release: names.releaseId,
    cluster: names.clusterName,
    evidence: z.array(endpointsSeen),
  }),
  /** Its backend goes from one cluster: replaced there, and nothing uses it. */
  fact('release-left', {
    release: names.releaseId,
    cluster: names.clusterName,
    evidence: z.array(usageSeen),
  }),

  /** Agents have translated a Kubernetes object; `intent` has what they could not do, too. */
  fact('ingress-created', { ...ingress, intent: ingressIntent }),
  fact('ingress-changed', { ...ingress, intent: ingressIntent }),
  fact('ingress-removed', ingress),

  fact('freeze-set', { name: names.routeName, intent: freezeIntent }),
  fact('freeze-lifted', { name: names.routeName }),

  /** Its generation is the position of this record. */
  fact('switch-proposed', {
    app: names.appName,
    release: names.releaseId,
    minReady: z.int().min(1),
    required: z.array(agentRef),
    deadlineAtMs: atMs,
    /** Left out: the first step. */
    step: z.int().min(0).optional(),
    /** Left out: all traffic of the release's clusters. */
    weights: z.array(clusterWeights).min(1).optional(),
  }),
  fact('switch-prepared', {
    app: names.appName,
    generation: names.generation,
    evidence: z.array(endpointsSeen),
  }),
  fact('commit-decided', {
    app: names.appName,
    generation: names.generation,
    except: z.array(agentRef),
  }),
  /** Decided at once, under a new generation: the position of this record. */
  fact('rollback-decided', {
    app: names.appName,
    from: names.releaseId,
    to: names.releaseId,
    weights: z.array(clusterWeights).min(1),
    required: z.array(agentRef),
    deadlineAtMs: atMs,
  }),
  fact('switch-completed', {
    app: names.appName,
    generation: names.generation,
    except: z.array(agentRef),
    evidence: z.array(activeSeen),
    skewMs: z.number().nullable(),
    skewErrorMs: z.number().nullable(),
  }),
  fact('switch-aborted', { app: names.appName, generation: names.generation, reason: z.string() }),
  fact('agent-caught-up', { app: names.appName, generation: names.generation, ...agentRef.shape }),

  fact('drain-deadline-passed', { release: names.releaseId }),
  fact('decommission-started', { release: names.releaseId }),
  fact('release-decommissioned', { release: names.releaseId, evidence: z.array(usageSeen) }),
])

export type DomainEvent = z.infer<typeof event>
export type EventType = DomainEvent['type']
export type EventOf<Type extends EventType> = Extract<DomainEvent, { type: Type }>

type Raw = Readonly<Record<string, unknown>>

/** From `<type> v<n>` to the same fact one version later. Nothing has changed shape yet. */
const upcasts: Readonly<Record<string, (older: Raw) => Raw>> = {}

const versioned = z.looseObject({ type: z.string(), v: z.int().min(1) })

/** Throws on an event that this program does not know: the log is newer than the program, or damaged. */
export function parseEvent(stored: unknown, steps = upcasts): DomainEvent {
  let raw = versioned.parse(stored)
  for (let step = steps[`${raw.type} v${raw.v}`]; step; step = steps[`${raw.type} v${raw.v}`]) {
    const next = step(raw) as typeof raw
    if (next.v !== raw.v + 1) throw new Error(`the upcast of ${raw.type} v${raw.v} skips a version`)
    raw = next
  }
  return event.parse(raw)
}
