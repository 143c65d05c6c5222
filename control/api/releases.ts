/** Releases: one attempt each to put a version live; asked for, moved and shown. */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import {
  type ReleasePhase,
  type ReleaseView,
  releaseIntent,
  releasePhase,
  releaseView,
} from '#wire/release.ts'
import {
  type IntentTaker,
  mutationHeaders,
  mutationRejections,
  takeIntent,
  waitQuery,
} from './intents.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'
import { quoted } from './words.ts'

export interface ReleasesAsked {
  readonly app?: string | undefined
  readonly phase?: ReleasePhase | undefined
  readonly limit: number
}

export interface ReleaseReader {
  /** Newest first. */
  releases(asked: ReleasesAsked): readonly ReleaseView[]
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
const motions = {
  promote: 'Send the public traffic of the app to this release, proven by every required agent',
  abort: 'Give up a release that is not live; its copies stop when nothing uses them',
  rollback: 'Send the public traffic back to the release before this one, at once',
  decommission: 'Remove a release without public traffic, once nothing uses it',
} as const
const motionRejections = {
  promote: ['phase-conflict', 'release-in-progress', 'not-ready'],
  abort: ['phase-conflict'],
  rollback: ['phase-conflict', 'no-rollback-target'],
  decommission: ['phase-conflict', 'is-live', 'in-use', 'not-acknowledged'],
} as const

export function defineReleases(define: Define, taker: IntentTaker, reader: ReleaseReader): void {
  const fresh = (body: unknown) => reader.release((body as ReleaseView).id)
  define(
    {
      method: 'get',
      path: '/v1/releases',
      tag: 'releases',
      summary: 'List releases, newest first',
      access: 'read',
      query: listQuery,
      answers: {
        200: {
          description: 'The releases.',
          schema: z.strictObject({ releases: z.array(releaseShown) }),
        },
      },
    },
    ({ query }) => Response.json({ releases: reader.releases(query) }),
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
      params: releaseParams,
      answers: { 200: { description: 'The release.', schema: releaseShown } },
      rejections: ['unknown-release'],
    },
    ({ params }) => {
      const view = reader.release(params.id)
      return view
        ? Response.json(view, { headers: { etag: quoted(view.etag) } })
        : problem(unknownRelease(params.id))
    },
  )
  for (const motion of ['promote', 'abort', 'rollback', 'decommission'] as const) {
    define(
      {
        method: 'post',
        path: `/v1/releases/{id}/${motion}`,
        tag: 'releases',
        summary: motions[motion],
        access: 'release',
        params: releaseParams,
        query: waitQuery,
        headers: mutationHeaders,
        body: z.strictObject({}).optional(),
        answers: { 202: { description: 'It is under way.', schema: releaseShown } },
        rejections: [
          ...mutationRejections,
          'switch-aborted',
          'unknown-release',
          ...motionRejections[motion],
        ],
      },
      ({ params, ...asked }) =>
        takeIntent(taker, { type: `${motion}-release`, release: params.id }, asked, { fresh }),
    )
  }
}

const unknownRelease = (id: string) =>
  ({
    code: 'unknown-release',
    detail: `No release is called "${id}".`,
    fix: 'List them with GET /v1/releases.',
  }) as const
