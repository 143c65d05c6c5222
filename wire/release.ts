/**
 * Releases: the intents that operators send and the release as the API shows it. A release is one
 * attempt to put one version live; an immutable version that can take traffic. Every strategy is a list
 * of steps, and every step is one proven switch: of some clusters, to a share of the traffic.
 */
import { z } from 'zod'
import { cookieField, headerField } from './app.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'

export const strategy = z.enum(['blueGreen', 'canary', 'rolling'])

/** A whole number of the share, or the percentage of the copies: Kubernetes' IntOrString. */
const countOrPercent = z.union([
  z.int().min(0).max(limits.copiesPerRelease),
  z.string().regex(/^(100|[1-9]?\d)%$/, 'a number, or a percentage such as "25%"'),
])

const clusterList = z.array(names.clusterName).min(1).max(limits.clusters)

/** What follows once a step is acknowledged: wait for a time, or until somebody promotes. */
export const stepPause = z.union([
  z.strictObject({ forMs: z.int().min(1).max(limits.stepPauseMs) }),
  z.strictObject({ until: z.literal('promote') }),
])

/** Canary: percent of the users that the candidate answers, where. */
export const stepIntent = z.strictObject({
  weight: z.int().min(0).max(100),
  clusters: clusterList.optional().describe('Left out: every cluster of the wave.'),
  pause: stepPause.optional(),
})

/** Clusters that go together; the next wave begins after this one's pause. */
export const waveIntent = z.strictObject({ clusters: clusterList, pause: stepPause.optional() })

/** One or several ways to reach the candidate before it is public. */
export const preview = z
  .strictObject({
    path: names.pathValue
      .refine((path) => path !== '/', 'not "/"')
      .optional()
      .describe('This path prefix, rewritten to `/`.'),
    header: headerField
      .optional()
      .describe("Requests with this header, on the app's own hosts and routes."),
    host: names.hostname
      .refine((host) => !host.startsWith('*'), 'not a wildcard')
      .optional()
      .describe("The app's routes on a host of its own."),
    links: z
      .boolean()
      .optional()
      .describe("Signed, expiring links on the app's own hosts may be made. Content format 2."),
  })
  .refine(
    (one) => one.path || one.header || one.host || one.links,
    'say path, header, host or links',
  )

/** Requests that the candidate answers whatever its weight: those with this header or cookie. */
export const target = z
  .strictObject({ header: headerField.optional(), cookie: cookieField.optional() })
  .refine((one) => one.header || one.cookie, 'say header, cookie or both')

/** Kubernetes' DeploymentStrategy: RollingUpdate. */
export const rolling = z.strictObject({
  maxSurge: countOrPercent.default('25%'),
  maxUnavailable: countOrPercent.default('25%'),
  minReadyMs: z.int().min(0).max(limits.progressDeadlineMs).default(0),
  progressDeadlineMs: z.int().min(1).max(limits.progressDeadlineMs).default(600_000),
})

export const releaseIntent = z
  .strictObject({
    app: names.appName.describe('Whose release it is.'),
    version: names.version.optional().describe('Left out with `undo` only.'),
    undo: names.releaseId
      .optional()
      .describe('Undo: the version of this former release again, as a new release.'),
    image: names.image
      .optional()
      .describe('Platform `kubernetes`: the image of its pods, made of the template.'),
    deployment: names.objectName
      .optional()
      .describe('Platform `kubernetes`, instead of `image`: a Deployment that is there, as it is.'),
    clusters: clusterList.optional().describe('Left out: all clusters of the app.'),
    strategy: strategy.default('blueGreen').describe('How it goes live.'),
    preview: preview.optional().describe('Where the candidate can be tried before it is public.'),
    steps: z
      .array(stepIntent)
      .min(1)
      .max(limits.stepsPerRelease)
      .optional()
      .describe('Canary. Left out: 10, 25 and 50 percent, each until it is promoted.'),
    target: target.optional().describe('Canary: requests that it answers whatever its weight.'),
    rolling: rolling.optional().describe('Rolling: how many copies are replaced at a time.'),
    waves: z
      .array(waveIntent)
      .min(1)
      .max(limits.clusters)
      .optional()
      .describe(
        'Left out: all clusters in one wave. Clusters that no wave names follow in a last one.',
      ),
    autoPromote: z
      .boolean()
      .optional()
      .describe(
        'Begin without being asked once the candidate is ready. Left out: when nothing is live yet, and for rolling. Approvals and freeze windows are waited for.',
      ),
    whenSilent: z
      .enum(['abort', 'proceed'])
      .default('abort')
      .describe(
        'An agent that stays silent until the deadline: abort the switch, or go on and name it.',
      ),
    deadlineMs: z
      .int()
      .min(100)
      .max(limits.switchDeadlineMs)
      .default(30_000)
      .describe('How long a switch waits for the acks of the required agents, in milliseconds.'),
  })
  .refine((intent) => (intent.version === undefined) !== (intent.undo === undefined), {
    path: ['version'],
    message: 'say `version`, or `undo` and the id of a former release',
  })
  .refine((intent) => !(intent.image && intent.deployment), {
    path: ['deployment'],
    message: 'say `image` or `deployment`, not both',
  })
  .refine((intent) => !intent.undo || !(intent.image || intent.deployment), {
    path: ['undo'],
    message: 'an undo takes image and Deployment from the former release',
  })
  .refine((intent) => intent.strategy === 'canary' || (!intent.steps && !intent.target), {
    path: ['strategy'],
    message: '`steps` and `target` are for the strategy "canary"',
  })
  .refine((intent) => intent.strategy === 'rolling' || !intent.rolling, {
    path: ['strategy'],
    message: '`rolling` is for the strategy "rolling"',
  })
  .refine((intent) => intent.strategy !== 'rolling' || !intent.preview, {
    path: ['preview'],
    message: 'a rolling release has no preview: its copies are public as they become ready',
  })

export type ReleaseIntent = z.infer<typeof releaseIntent>
export type Strategy = z.infer<typeof strategy>
export type Preview = z.infer<typeof preview>
export type Target = z.infer<typeof target>
export type Rolling = z.infer<typeof rolling>
export type StepPause = z.infer<typeof stepPause>

/** `POST …/promote`: begins, or goes on with, the steps. */
export const promoteIntent = z.strictObject({
  /** To the end at once: all clusters and all traffic in one switch. */
  full: z.boolean().default(false),
  /** In spite of a freeze window or of missing approvals; needs the scope `override`. */
  override: z.strictObject({ reason: names.reason }).optional(),
})
export const pauseIntent = z.strictObject({ reason: names.reason.optional() })
export const approveIntent = z.strictObject({ reason: names.reason.optional() })

/**
 * starting → ready → preparing → committing → live → retired → decommissioning → decommissioned
 *    │         │         │  ▲        │
 *    └─────────┴─────────┤  └─ progressing (between two steps)     (a rolled-back release is retired)
 *                        └─▶ aborted ─▶ …
 */
export const releasePhase = z.enum([
  'starting', // copies start; endpoints are awaited
  'ready', // enough ready endpoints at every required agent; waits for promote
  'preparing', // a step's switch is proposed; acks are awaited
  'committing', // decided: only forward
  'progressing', // a step is acknowledged, or copies roll; there is more to come
  'live', // public everywhere, acknowledged by every required agent
  'retired', // was live, has no public traffic, can be gone back to
  'aborted', // never became live; its copies stop when nothing uses them
  'decommissioning', // its preview is being removed; copies stop when every agent has acked
  'decommissioned', // gone
])
export type ReleasePhase = z.infer<typeof releasePhase>

export const waitingCode = z.enum([
  'endpoints', 'promote', 'acks', 'active', 'agents-absent', 'in-use', 'table',
  'paused', 'pause-time', 'approvals', 'frozen', 'copies',
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

/** One step of the plan. */
export const stepView = z.strictObject({
  clusters: z.array(names.clusterName),
  /** Percent of the users. */
  weight: z.int().min(0).max(100),
  pause: stepPause.nullable(),
  /** `current` from its switch until its pause is over. */
  state: z.enum(['pending', 'current', 'done']),
})

/** How far copies have been replaced in one cluster, by the platform's word. */
export const rollingView = z.strictObject({
  cluster: names.clusterName,
  copies: z.int().min(0),
  updated: z.int().min(0),
  ready: z.int().min(0),
  old: z.int().min(0),
  stalled: z.string().nullable(),
})

export const releaseView = z.strictObject({
  id: names.releaseId,
  app: names.appName,
  version: names.version,
  strategy,
  clusters: z.array(names.clusterName),
  preview: preview.nullable(),
  target: target.nullable(),
  undo: names.releaseId.nullable(),
  /** On the platform `kubernetes`, what its pods are made of. */
  image: names.image.nullable(),
  deployment: names.objectName.nullable(),
  phase: releasePhase,
  /** "live", "live except us-1/us-1-b", "25 % in eu-1, step 2 of 4" …: the phase in words. */
  status: z.string(),
  /** Why it waits; null when it does not. */
  waiting: z
    .strictObject({
      code: waitingCode,
      message: z.string(),
      /** When time alone ends the wait. */
      untilMs: z.int().nullable(),
    })
    .nullable(),
  /** What is wrong with its copies or its routes, each with its cluster; also while it is live. */
  troubles: z.array(z.string()),
  createdAtMs: z.int(),
  createdBy: z.string(),
  whenSilent: z.enum(['abort', 'proceed']),
  deadlineMs: z.int(),
  steps: z.array(stepView),
  /** Percent of the public traffic that is acknowledged or committed to it, by cluster. */
  weights: z.record(names.clusterName, z.number().min(0).max(100)),
  paused: z
    .strictObject({ atMs: z.int(), by: z.string(), reason: z.string().nullable() })
    .nullable(),
  approvals: z.strictObject({
    required: z.int().min(0),
    given: z.array(
      z.strictObject({ by: z.string(), atMs: z.int(), reason: z.string().nullable() }),
    ),
  }),
  /** Null unless copies are being replaced. */
  rolling: z.array(rollingView).nullable(),
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
