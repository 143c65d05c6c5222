/**
 * What is read of control's answers, and no more: a newer control may say more, or say new words, and an
 * older `switchyard` goes on to work. What is printed as JSON or YAML is the whole answer.
 */
import { z } from 'zod'

const text = z.string()
const count = z.number()
const maybe = text.nullable()
const agentRef = z.object({ cluster: text, agent: text })

const pause = z.union([z.object({ forMs: count }), z.object({ until: text })]).nullable()

export const release = z.object({
  id: text,
  app: text,
  version: text,
  strategy: text,
  clusters: z.array(text),
  preview: z
    .object({
      path: text.optional(),
      header: z.object({ name: text, value: text }).optional(),
      host: text.optional(),
      links: z.boolean().optional(),
    })
    .nullable(),
  undo: maybe,
  /** A control of before knows no Kubernetes. */
  image: maybe.optional(),
  deployment: maybe.optional(),
  phase: text,
  status: text,
  waiting: z.object({ code: text, message: text, untilMs: count.nullable() }).nullable(),
  /** A control of before does not say. */
  troubles: z.array(text).default([]),
  createdAtMs: count,
  createdBy: text,
  steps: z.array(z.object({ clusters: z.array(text), weight: count, pause, state: text })),
  weights: z.record(text, count),
  paused: z.object({ atMs: count, by: text, reason: maybe }).nullable(),
  approvals: z.object({
    required: count,
    given: z.array(z.object({ by: text, atMs: count, reason: maybe })),
  }),
  rolling: z
    .array(
      z.object({
        cluster: text,
        copies: count,
        updated: count,
        ready: count,
        old: count,
        stalled: maybe,
      }),
    )
    .nullable(),
  switch: z
    .object({
      kind: text,
      state: text,
      proposedAtMs: count,
      decidedAtMs: count.nullable(),
      completedAtMs: count.nullable(),
      required: z.array(agentRef),
      except: z.array(agentRef),
      skewMs: count.nullable(),
      skewErrorMs: count.nullable(),
      reason: maybe,
    })
    .nullable(),
  agents: z.array(
    agentRef.extend({
      state: text,
      revision: count,
      readyEndpoints: count,
      inUse: count,
      stale: z.boolean(),
      refusal: maybe,
      appliedMs: count.nullable(),
    }),
  ),
  ledger: z.object({ inUse: count, acknowledged: z.boolean(), mayDecommission: z.boolean() }),
  rollback: z.object({ ready: z.boolean(), to: maybe, reason: maybe }),
  etag: text,
})
export type Release = z.infer<typeof release>
export const releases = z.object({ releases: z.array(release) })

const listedApp = z.object({
  app: text,
  clusters: z.array(text),
  hosts: z.array(text),
  copies: count,
  platform: z.looseObject({ type: text }),
  labels: z.record(text, text).optional(),
  approvals: count.optional(),
  live: z.record(text, z.object({ release: maybe, weights: z.record(text, count) })),
  releases: z.array(text),
  deleting: z.boolean(),
  leaving: z.array(text),
})
export type ListedApp = z.infer<typeof listedApp>
export const apps = z.object({ apps: z.array(listedApp) })
export const app = listedApp.extend({
  etag: text,
  revision: count,
  routes: z.array(z.looseObject({ name: text, hosts: z.array(text).optional() })),
})

const refusedIngress = z.object({ code: text, detail: text })
const ingress = z.object({
  cluster: text,
  namespace: text,
  name: text,
  /** Without what follows nothing of it was ever taken. */
  class: text.optional(),
  served: z.boolean().optional(),
  routes: z
    .array(z.object({ host: text, path: z.object({ type: text, value: text }), service: text }))
    .default([]),
  warnings: z.array(text).default([]),
  refused: refusedIngress.nullable(),
})
export type Ingress = z.infer<typeof ingress>
export const ingresses = z.object({ ingresses: z.array(ingress) })

const cluster = z.looseObject({
  cluster: text,
  epoch: z.object({ number: count }),
  revision: count,
  digest: text,
  objects: count,
  apps: count,
  agents: z.object({ enrolled: count, current: count, silent: count }),
})
export type Cluster = z.infer<typeof cluster>
export const clusters = z.object({ clusters: z.array(cluster) })

const agent = agentRef.loose().extend({
  condition: text,
  reason: maybe,
  revision: count,
  digest: maybe,
  lastReportAtMs: count.nullable(),
  workers: count,
  positions: z.record(text, z.object({ prepared: count, active: count })),
  readyEndpoints: z.record(text, count),
  inUse: z.record(text, count),
  refusals: z.array(z.object({ code: text, reason: text, count })),
  enrolledAtMs: count,
})
export type Agent = z.infer<typeof agent>
export const agents = z.object({ agents: z.array(agent) })

export const snapshot = z.object({
  cluster: text,
  revision: count,
  format: count,
  digest: text,
  served: z
    .object({
      publishedAtMs: count,
      supersededAtMs: count.nullable(),
      unacknowledged: z.array(z.object({ app: text, except: z.array(text) })),
    })
    .nullable(),
  objects: z.array(z.looseObject({ key: text })),
})

export const explanation = z.object({
  revision: count,
  status: count,
  reason: text,
  candidates: z.array(z.object({ route: text, app: text, host: text, lost: maybe })),
  omitted: count,
  destination: z
    .object({
      route: text,
      app: text,
      releases: z.array(z.object({ release: text, weight: count })),
      target: text,
      host: text,
      effects: z.array(text),
      reason: text,
    })
    .nullable(),
})
export type Explanation = z.infer<typeof explanation>

export const auditEntry = z.object({
  revision: count,
  atMs: count,
  actor: text,
  origin: z.looseObject({}).nullable(),
  reason: maybe,
  type: maybe,
  words: z.array(text),
})
export type AuditEntry = z.infer<typeof auditEntry>
export const audit = z.object({ entries: z.array(auditEntry), next: maybe })

export const blame = z.object({
  answer: explanation,
  since: auditEntry.nullable(),
  intent: auditEntry.nullable(),
  before: explanation.nullable(),
})

const end = z.object({ revision: count, digest: text })
export const diff = z.object({
  cluster: text,
  from: end,
  to: end,
  put: z.array(z.object({ key: text, before: z.unknown(), after: z.unknown() })),
  removed: z.array(z.object({ key: text })),
  words: z.array(text),
  omitted: count,
})
export const fleetDiff = z.object({
  clusters: z.array(z.object({ cluster: text, changed: count, omitted: count })),
  words: z.array(z.object({ sentence: text, clusters: z.array(text) })),
})

export const record = z.object({
  position: count,
  at: count,
  actor: text,
  events: z.array(z.looseObject({ type: text })),
})

const freeze = z.object({
  name: text,
  from: text,
  until: text,
  every: text.optional(),
  apps: z.array(text).optional(),
  clusters: z.array(text).optional(),
  reason: text,
  setBy: text,
  active: z.boolean(),
})
export type Freeze = z.infer<typeof freeze>
export const freezes = z.object({ freezes: z.array(freeze) })

export const token = z.object({
  name: text,
  scopes: z.array(text),
  apps: z.array(text).nullable(),
  clusters: z.array(text).nullable(),
  expiresAtMs: count.nullable(),
})
export type Token = z.infer<typeof token>
export const tokens = z.object({ tokens: z.array(token) })
export const newToken = token.extend({ token: maybe })

export const previewLink = z.object({
  release: text,
  expiresAtMs: count,
  path: maybe,
  urls: z.array(text),
})

const webhook = z.object({
  name: text,
  origin: text,
  events: z.array(text),
  apps: z.array(text).nullable(),
  format: text,
  state: text,
  behind: count,
  failures: count,
  last: z.object({ atMs: count, status: count.nullable(), reason: maybe }).nullable(),
})
export type Webhook = z.infer<typeof webhook>
export const webhooks = z.object({ webhooks: z.array(webhook) })
export const webhookSet = z.object({ secret: maybe })
export const webhookTest = z.object({ ms: count, status: count.nullable(), reason: maybe })

export const dryRun = z.object({
  accepted: z.literal(true),
  revision: count,
  clusters: z.record(
    text,
    z.object({ words: z.array(text), put: z.array(z.unknown()), omitted: count }),
  ),
  agents: z.array(agentRef.extend({ why: text, now: text })),
  warnings: z.array(z.object({ code: text, message: text })),
})

export const ready = z.object({
  revision: count,
  warnings: z.array(z.object({ detail: text, fix: text })).optional(),
})

const signingKey = z.object({
  keyId: text,
  publicKey: text,
  state: text,
  missing: z.array(agentRef),
})
export type SigningKey = z.infer<typeof signingKey>
export const signingKeys = z.object({ keys: z.array(signingKey) })
export const newKey = z.object({ keyId: text })
