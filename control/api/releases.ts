/** Releases: one attempt each to put a version live; asked for, moved and shown. */
import { z } from 'zod'
import type { RejectionCode } from '#wire/codes.ts'
import * as names from '#wire/names.ts'
import {
  approveIntent,
  pauseIntent,
  promoteIntent,
  type ReleasePhase,
  type ReleaseView,
  releaseIntent,
  releasePhase,
  releaseView,
} from '#wire/release.ts'
import type { Intent } from '../domain/input.ts'
import { appOfRelease } from '../domain/permission.ts'
import {
  type IntentTaker,
  mutationHeaders,
  mutationRejections,
  takeIntent,
  waitQuery,
} from './intents.ts'
import { type Access, type Define, maySee } from './operation.ts'
import { problem } from './problem.ts'
import { quoted } from './words.ts'

export interface ReleasesAsked {
  readonly app?: string | undefined
  readonly phase?: ReleasePhase | undefined
  readonly limit: number
}

export interface ReleaseReader {
  /** Newest first, of those that the caller sees. */
  releases(
    asked: ReleasesAsked,
    sees: (app: string, clusters: readonly string[]) => boolean,
  ): readonly ReleaseView[]
  release(id: string): ReleaseView | null
}

const releaseShown = releaseView.meta({ id: 'Release' })
const releaseAsked = releaseIntent.meta({ id: 'ReleaseIntent' })
const releaseParams = z.strictObject({ id: names.releaseId })
const releasesMax = 1_000
const listQuery = z.strictObject({
  app: names.appName.optional(),
  phase: releasePhase.optional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'a whole number up to 1000')
    .transform(Number)
    .refine((count) => count <= releasesMax, `at most ${releasesMax}`)
    .default(releasesMax)
    .meta({ description: 'How many of the newest; 1000 when left out.' }),
})
const bare = z.strictObject({}).optional()

interface Motion {
  readonly summary: string
  readonly body: z.ZodType<Record<string, unknown> | undefined>
  readonly access: Access
  readonly rejections: readonly RejectionCode[]
}

/** `POST /v1/releases/{id}/<name>`: what moves a release. */
const motions = {
  promote: {
    summary: 'Begin with the steps of this release, go on with the next one, or to the end at once',
    body: promoteIntent.meta({ id: 'PromoteIntent' }).optional(),
    access: 'release',
    rejections: [
      'phase-conflict',
      'release-in-progress',
      'not-ready',
      'release-paused',
      'approval-required',
      'frozen',
    ],
  },
  pause: {
    summary: 'Let nothing more follow by itself: no step, no copy that is replaced',
    body: pauseIntent.meta({ id: 'PauseIntent' }).optional(),
    access: 'release',
    rejections: ['phase-conflict'],
  },
  resume: {
    summary: 'Go on after a pause',
    body: bare,
    access: 'release',
    rejections: ['phase-conflict'],
  },
  approve: {
    summary: 'Approve a release of somebody else that asks for approvals',
    body: approveIntent.meta({ id: 'ApproveIntent' }).optional(),
    access: 'approve',
    rejections: ['phase-conflict', 'self-approval'],
  },
  abort: {
    summary: 'Give up a release that is not live; what it has of the traffic goes back first',
    body: bare,
    access: 'release',
    rejections: ['phase-conflict', 'no-rollback-target'],
  },
  rollback: {
    summary: 'Send the public traffic back to the release before this one, at once',
    body: bare,
    access: 'release',
    rejections: ['phase-conflict', 'no-rollback-target', 'release-in-progress'],
  },
  decommission: {
    summary: 'Remove a release without public traffic, once nothing uses it',
    body: bare,
    access: 'release',
    rejections: ['phase-conflict', 'is-live', 'in-use', 'not-acknowledged'],
  },
} as const satisfies Record<string, Motion>

type MotionName = keyof typeof motions

/** Only what was said: a body that says nothing is the same request as none. */
function motionIntent(name: MotionName, release: string, body: unknown): Intent {
  const said = (body ?? {}) as z.output<typeof promoteIntent> & z.output<typeof pauseIntent>
  const reason = said.reason === undefined ? {} : { reason: said.reason }
  switch (name) {
    case 'promote':
      return {
        type: 'promote-release',
        release,
        ...(said.full && { full: true as const }),
        ...(said.override && { override: said.override }),
      }
    case 'pause':
      return { type: 'pause-release', release, ...reason }
    case 'approve':
      return { type: 'approve-release', release, ...reason }
    default:
      return { type: `${name}-release`, release }
  }
}

export function defineReleases(define: Define, taker: IntentTaker, reader: ReleaseReader): void {
  const fresh = (body: unknown) => reader.release((body as ReleaseView).id)
  define(
    {
      method: 'get',
      path: '/v1/releases',
      tag: 'releases',
      summary: 'List releases, newest first',
      access: 'read',
      about: 'shown',
      query: listQuery,
      answers: {
        200: {
          description: 'The releases.',
          schema: z.strictObject({ releases: z.array(releaseShown) }),
        },
      },
    },
    ({ query, principal }) => {
      const sees = (app: string, clusters: readonly string[]) => maySee(principal, app, clusters)
      return Response.json({ releases: reader.releases(query, sees) })
    },
  )
  define(
    {
      method: 'post',
      path: '/v1/releases',
      tag: 'releases',
      summary: 'Start a release of a version beside what is live',
      access: 'release',
      query: waitQuery,
      headers: mutationHeaders,
      body: releaseAsked,
      answers: { 201: { description: 'It has started.', schema: releaseShown } },
      rejections: [
        ...mutationRejections,
        'switch-aborted',
        'unknown-app',
        'unknown-cluster',
        'release-in-progress',
        'route-conflict',
        'limit-reached',
        'unknown-release',
        'format-not-supported',
        'does-not-compile',
        'too-many-matches',
      ],
    },
    ({ body, ...asked }) => takeIntent(taker, { type: 'create-release', body }, asked, { fresh }),
  )
  define(
    {
      method: 'get',
      path: '/v1/releases/{id}',
      tag: 'releases',
      summary: 'Show a release: phase, agents, ledger, and why it waits',
      access: 'read',
      about: ({ params }) => ({ apps: [appOfRelease(params.id!)], clusters: [] }),
      params: releaseParams,
      answers: { 200: { description: 'The release.', schema: releaseShown } },
      rejections: ['unknown-release'],
    },
    ({ params, principal }) => {
      const view = reader.release(params.id)
      return view && maySee(principal, view.app, view.clusters)
        ? Response.json(view, { headers: { etag: quoted(view.etag) } })
        : problem(unknownRelease(params.id))
    },
  )
  for (const [name, motion] of Object.entries(motions) as [MotionName, Motion][]) {
    define(
      {
        method: 'post',
        path: `/v1/releases/{id}/${name}`,
        tag: 'releases',
        summary: motion.summary,
        access: motion.access,
        params: releaseParams,
        query: waitQuery,
        headers: mutationHeaders,
        body: motion.body,
        answers: { 202: { description: 'It is under way.', schema: releaseShown } },
        rejections: [
          ...mutationRejections,
          'switch-aborted',
          'unknown-release',
          ...motion.rejections,
        ],
      },
      ({ params, body, ...asked }) =>
        takeIntent(taker, motionIntent(name, params.id, body), asked, { fresh }),
    )
  }
}

const unknownRelease = (id: string) =>
  ({
    code: 'unknown-release',
    detail: `No release is called "${id}".`,
    fix: 'List them with GET /v1/releases.',
  }) as const
