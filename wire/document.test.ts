import { Ajv, type ValidateFunction } from 'ajv'
import { describe, expect, it } from 'vitest'
import {
  anyDocument,
  appDocument,
  appDocumentOf,
  appIntentOf,
  type DocumentSchema,
  documentSchemas,
  jsonSchemaOf,
} from './document.ts'

const app = {
  apiVersion: 'switchyard.dev/v1',
  kind: 'App',
  metadata: { name: 'shop', labels: { team: 'web' } },
  spec: {
    clusters: ['eu-1'],
    hosts: ['shop.example'],
    platform: { type: 'local', program: 'demo' },
    routes: [{ name: 'cart', matches: [{ path: { type: 'PathPrefix', value: '/cart' } }] }],
  },
}
const release = {
  apiVersion: 'switchyard.dev/v1',
  kind: 'Release',
  metadata: { name: 'shop' },
  spec: { app: 'shop', version: '0.0.2', strategy: 'canary', steps: [{ weight: 10 }] },
}
const freeze = {
  apiVersion: 'switchyard.dev/v1',
  kind: 'Freeze',
  metadata: { name: 'christmas' },
  spec: {
    from: '2026-12-24T16:00:00+01:00',
    until: '2026-12-27T08:00:00+01:00',
    reason: 'nobody is here',
  },
}
interface Spec {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>
}
const right = { app, release, freeze }

/** What neither the parser nor an editor lets pass. */
const wrong: readonly (readonly [DocumentSchema, object])[] = [
  ['app', { ...app, apiVersion: 'v2' }],
  ['app', { ...app, kind: 'Apps' }],
  ['app', { ...app, metadata: { name: 'Shop' } }],
  ['app', { ...app, metadata: { labels: {} } }],
  ['app', { ...app, spec: { ...app.spec, labels: {} } }],
  ['app', { ...app, spec: { ...app.spec, host: 'shop.example' } }],
  ['app', { ...app, status: {} }],
  ['release', { ...release, spec: { ...release.spec, strategy: 'bluegreen' } }],
  ['freeze', { ...freeze, spec: { ...freeze.spec, reason: undefined } }],
]

describe('a document', () => {
  it('is the intent with a name, and comes back from it', () => {
    const document = appDocument.parse(app)
    const intent = appIntentOf(document)
    expect(intent).toMatchObject({ clusters: ['eu-1'], labels: { team: 'web' }, copies: 1 })
    expect(appDocumentOf('shop', intent)).toEqual(document)
    const { labels: _, ...unlabelled } = intent
    expect(appDocumentOf('shop', unlabelled).metadata).toEqual({ name: 'shop' })
  })

  it('is read by its kind, with the rules of the intent', () => {
    for (const one of Object.values(right)) expect(anyDocument.parse(one).kind).toBe(one.kind)
    const backwards = { ...freeze.spec, until: '2026-12-24T15:59:00+01:00' }
    const { error } = anyDocument.safeParse({ ...freeze, spec: backwards })
    expect(error?.issues).toMatchObject([{ path: ['spec', 'until'], message: 'later than `from`' }])
    const both = { ...release.spec, undo: 'shop-r1' }
    expect(anyDocument.safeParse({ ...release, spec: both }).success).toBe(false)
  })
})

describe('a JSON Schema for editors', () => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, validateFormats: false })
  const schemas = Object.fromEntries(
    (Object.keys(documentSchemas) as DocumentSchema[]).map((name) => [
      name,
      ajv.compile(jsonSchemaOf(name)),
    ]),
  ) as Record<DocumentSchema, ValidateFunction>

  it.each(Object.entries(right))('takes a right %s', (name, document) => {
    expect(
      schemas[name as DocumentSchema](document),
      JSON.stringify(schemas[name as 'app'].errors),
    ).toBe(true)
    expect(schemas.document(document)).toBe(true)
  })

  it.each(['app', 'release', 'freeze'] as const)('says what each field of a %s is', (name) => {
    const { properties } = jsonSchemaOf(name) as { properties: Record<string, Spec> }
    const schema = properties.spec!
    const silent = Object.entries(schema.properties).filter(([, { description }]) => !description)
    expect(silent.map(([field]) => field)).toEqual([])
  })

  it('takes what is left out only where the parser does', () => {
    const bare = { ...app, spec: { ...app.spec, routes: undefined } }
    expect(schemas.app(JSON.parse(JSON.stringify(bare)))).toBe(true)
    expect(appDocument.parse(bare).spec.routes).toHaveLength(1)
  })

  it.each(wrong)('refuses a wrong %s: case %#', (name, document) => {
    const plain = JSON.parse(JSON.stringify(document))
    expect(documentSchemas[name].safeParse(plain).success).toBe(false)
    expect(schemas[name](plain)).toBe(false)
    expect(schemas.document(plain)).toBe(false)
  })
})
