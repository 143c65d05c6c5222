/**
 * Documents: what an operator keeps in a folder under version control, one thing each, in YAML or JSON.
 * A document is an intent with a name; its `spec` is the intent's body, so that what can be asked over the
 * API can be written down and the other way round.
 */
import { z } from 'zod'
import { type AppIntent, appIntent } from './app.ts'
import { type FreezeIntent, freezeIntent } from './freeze.ts'
import * as names from './names.ts'
import { releaseIntent } from './release.ts'

export const apiVersion = 'switchyard.dev/v1'

const labels = appIntent.shape.labels.meta({
  description: 'To choose documents by (`-l team=web`). Control keeps those of an App.',
})

const document = <Kind extends string, Name extends z.ZodType, Spec extends z.ZodType>(
  kind: Kind,
  name: Name,
  spec: Spec,
) =>
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    metadata: z.strictObject({ name, labels }),
    spec,
  })

/** `PUT /v1/apps/{name}` */
export const appDocument = document('App', names.appName, appIntent.omit({ labels: true }))

/**
 * `POST /v1/releases`, unless it has been done: the name tells the documents of a folder apart and is not
 * the release's id, which control gives.
 */
export const releaseDocument = document('Release', names.routeName, releaseIntent)

/** `PUT /v1/freezes/{name}` */
export const freezeDocument = document('Freeze', names.routeName, freezeIntent)

export const anyDocument = z.discriminatedUnion('kind', [
  appDocument,
  releaseDocument,
  freezeDocument,
])

export type AppDocument = z.infer<typeof appDocument>
export type ReleaseDocument = z.infer<typeof releaseDocument>
export type FreezeDocument = z.infer<typeof freezeDocument>
export type AnyDocument = z.infer<typeof anyDocument>

/** The app intent that the document asks for. */
export const appIntentOf = ({ metadata, spec }: AppDocument): AppIntent => ({
  ...spec,
  ...(metadata.labels && { labels: metadata.labels }),
})

/** The document that would make the app again. */
export function appDocumentOf(name: string, { labels: held, ...spec }: AppIntent): AppDocument {
  const metadata = { name, ...(held && { labels: held }) }
  return { apiVersion, kind: 'App', metadata, spec }
}

export const freezeDocumentOf = (name: string, spec: FreezeIntent): FreezeDocument => ({
  apiVersion,
  kind: 'Freeze',
  metadata: { name },
  spec,
})

/** One file each for editors, under `/v1/schemas/` and in `docs/schemas/`; `document` is any of them. */
export const documentSchemas = {
  app: appDocument,
  release: releaseDocument,
  freeze: freezeDocument,
  document: anyDocument,
} as const

export type DocumentSchema = keyof typeof documentSchemas

/** JSON Schema of what one may write (draft 7, which editors of YAML know). */
export const jsonSchemaOf = (name: DocumentSchema): object =>
  z.toJSONSchema(documentSchemas[name], { io: 'input', target: 'draft-7' })
