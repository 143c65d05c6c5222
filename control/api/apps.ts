/** Apps: put whole, shown, removed. Which version answers is not said here (see releases). */
import { z } from 'zod'
import { appIntent } from '#wire/app.ts'
import * as names from '#wire/names.ts'
import type { AppView } from '../domain/view/view.ts'
import {
  type IntentTaker,
  mutationHeaders,
  mutationRejections,
  takeIntent,
  waitQuery,
} from './intents.ts'
import { type Define, maySee } from './operation.ts'
import { problem } from './problem.ts'
import { quoted } from './words.ts'

export interface AppReader {
  apps(): readonly AppView[]
  app(name: string): AppView | null
}

const appParams = z.strictObject({ app: names.appName })
const asked = appIntent.meta({ id: 'AppIntent' })
const shown = z
  .strictObject({
    app: names.appName,
    ...appIntent.shape,
    etag: z.string(),
    revision: names.revision,
    /** By cluster. */
    live: z.record(
      names.clusterName,
      z.strictObject({
        release: names.releaseId.nullable(),
        generation: names.generation,
        weights: z.record(names.releaseId, z.number()),
      }),
    ),
    releases: z.array(names.releaseId),
    deleting: z.boolean(),
    leaving: z.array(names.clusterName),
  })
  .meta({ id: 'App' })
const listed = shown.omit({ routes: true }).meta({ id: 'ListedApp' })

export function defineApps(define: Define, taker: IntentTaker, reader: AppReader): void {
  define(
    {
      method: 'get',
      path: '/v1/apps',
      tag: 'apps',
      summary: 'List the apps',
      access: 'read',
      about: 'shown',
      answers: {
        200: {
          description: 'The apps, by name, without their routes.',
          schema: z.strictObject({ apps: z.array(listed) }),
        },
      },
    },
    ({ principal }) => {
      const apps = reader.apps().filter(({ app, clusters }) => maySee(principal, app, clusters))
      return Response.json({ apps: apps.map(({ routes: _, ...app }) => app) })
    },
  )
  define(
    {
      method: 'get',
      path: '/v1/apps/{app}',
      tag: 'apps',
      summary: 'Show an app',
      access: 'read',
      about: ({ params }) => ({ apps: [params.app!], clusters: [] }),
      params: appParams,
      answers: { 200: { description: 'The app.', schema: shown } },
      rejections: ['unknown-app'],
    },
    ({ params, principal }) => {
      const view = reader.app(params.app)
      return view && maySee(principal, view.app, view.clusters)
        ? Response.json(view, { headers: { etag: quoted(view.etag) } })
        : problem({
            code: 'unknown-app',
            detail: `No app is called "${params.app}".`,
            fix: 'List them with GET /v1/apps.',
          })
    },
  )
  define(
    {
      method: 'put',
      path: '/v1/apps/{app}',
      tag: 'apps',
      summary: 'Create an app or replace its routes, copies and clusters',
      access: 'release',
      params: appParams,
      query: waitQuery,
      headers: mutationHeaders,
      body: asked,
      answers: {
        200: { description: 'It is replaced.', schema: shown },
        201: { description: 'It is created.', schema: shown },
      },
      rejections: [
        ...mutationRejections,
        'unknown-cluster',
        'app-in-release',
        'route-conflict',
        'too-many-matches',
        'does-not-compile',
        'limit-reached',
      ],
    },
    ({ params, body, ...rest }) =>
      takeIntent(taker, { type: 'put-app', app: params.app, body }, rest, {
        fresh: () => reader.app(params.app),
      }),
  )
  define(
    {
      method: 'delete',
      path: '/v1/apps/{app}',
      tag: 'apps',
      summary: 'Remove an app, with its live release; nothing may be under way or kept',
      access: 'release',
      params: appParams,
      query: waitQuery,
      headers: mutationHeaders,
      answers: { 200: { description: 'It is gone.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'unknown-app', 'app-in-release', 'app-has-releases'],
    },
    ({ params, ...rest }) => takeIntent(taker, { type: 'delete-app', app: params.app }, rest),
  )
}
