/** Documents: everything as an operator would write it down, and the schemas that editors complete it by. */
import { z } from 'zod'
import {
  type AnyDocument,
  anyDocument,
  type DocumentSchema,
  documentSchemas,
  jsonSchemaOf,
} from '#wire/document.ts'
import * as names from '#wire/names.ts'
import type { Define } from './operation.ts'

export interface DocumentReader {
  /** Apps by name, each followed by its releases; then freezes. */
  documents(): readonly AnyDocument[]
}

const exported = z.strictObject({ documents: z.array(anyDocument) }).meta({ id: 'Export' })
const kind = z.enum(['App', 'Release', 'Freeze'])

export function defineDocuments(define: Define, reader: DocumentReader): void {
  define(
    {
      method: 'get',
      path: '/v1/export',
      tag: 'documents',
      summary: 'Everything as documents, which would make it again and change nothing here',
      access: 'read',
      about: ({ query }) => ({ apps: query.app ? [String(query.app)] : null, clusters: null }),
      query: z.strictObject({
        kind: kind.optional(),
        app: names.appName.optional().meta({ description: 'Only this app and its releases.' }),
      }),
      answers: { 200: { description: 'The documents.', schema: exported } },
    },
    ({ query }) => {
      const documents = reader
        .documents()
        .filter((one) => !query.kind || one.kind === query.kind)
        .filter((one) => !query.app || appOf(one) === query.app)
      return Response.json({ documents })
    },
  )
  for (const name of Object.keys(documentSchemas) as DocumentSchema[]) {
    define(
      {
        method: 'get',
        path: `/v1/schemas/${name}.json`,
        tag: 'documents',
        summary: `JSON Schema of ${name === 'document' ? 'any document' : `a document of kind ${name}`}`,
        access: 'open',
        answers: {
          200: {
            description: 'The schema, for editors.',
            schema: z.looseObject({}),
            mediaType: 'application/schema+json',
          },
        },
      },
      () =>
        new Response(schemaText(name), {
          headers: { 'content-type': 'application/schema+json', 'cache-control': 'max-age=3600' },
        }),
    )
  }
}

const appOf = ({ kind, metadata, spec }: AnyDocument): string | null =>
  kind === 'App' ? metadata.name : kind === 'Release' ? spec.app : null

/** As it is served and as it lies in `docs/schemas/`. */
export const schemaText = (name: DocumentSchema): string =>
  `${JSON.stringify(jsonSchemaOf(name), null, 2)}\n`
