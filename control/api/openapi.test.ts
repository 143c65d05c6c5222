import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rejections } from '#wire/codes.ts'
import { type ControlUnderTest, startControl } from '../control-under-test.ts'

interface OperationObject {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly security?: readonly Record<string, readonly string[]>[]
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

describe('the OpenAPI document', () => {
  let control: ControlUnderTest
  let document: {
    readonly openapi: string
    readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  }
  beforeAll(async () => {
    control = await startControl(['eu-1'])
    document = (await control.call('GET', '/openapi.json', { token: null })).body as never
  })
  afterAll(() => control.stop())

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    )

  it('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0')
    const result = await new Validator().validate(structuredClone(document))
    expect(result.errors).toBeUndefined()
    expect(result.valid).toBe(true)
  })

  it('lists what an operator asks for', () => {
    const listed = operations().map(({ path, method }) => `${method} ${path}`)
    for (const wanted of [
      'put /v1/apps/{app}',
      'get /v1/apps/{app}',
      'delete /v1/apps/{app}',
      'get /v1/apps',
      'post /v1/releases',
      'get /v1/releases',
      'get /v1/releases/{id}',
      'post /v1/releases/{id}/promote',
      'post /v1/releases/{id}/abort',
      'post /v1/releases/{id}/rollback',
      'post /v1/releases/{id}/decommission',
      'get /v1/clusters',
      'get /v1/clusters/{cluster}/agents',
      'get /v1/clusters/{cluster}/snapshot',
      'post /v1/clusters/{cluster}/explain',
      'delete /v1/clusters/{cluster}/agents/{agent}',
      'get /v1/events',
      'get /v1/tokens',
      'post /v1/tokens',
      'delete /v1/tokens/{name}',
      'get /livez',
      'get /readyz',
      'get /metrics',
    ]) {
      expect(listed).toContain(wanted)
    }
  })

  it('names only operations that answer, and guards all but the open ones', async () => {
    const example = { app: 'shop', id: 'shop-r1', cluster: 'eu-1', agent: 'a', name: 'x' }
    for (const { path, method, operation } of operations()) {
      const real = path.replaceAll(/\{(\w+)\}/g, (_, name) => example[name as 'app'])
      const { status, body } = await control.call(method.toUpperCase(), real, { token: null })
      const open = !operation.security
      expect(status, `${method} ${path}`).toBe(open ? 200 : 401)
      if (!open) expect(body.code).toBe('unauthenticated')
    }
  })

  /** POST, because a body says what is asked; nothing is changed. */
  const questions = ['post /v1/clusters/{cluster}/explain', 'post /v1/clusters/{cluster}/blame']
  const agentsOwn = (operation: OperationObject) =>
    !operation.security || ['agent', 'enrolment'].includes(operation.security[0]!.bearer![0]!)

  it('lets every change be tried with dryRun, and shows what it answers', () => {
    const changes = operations().filter(
      ({ path, method, operation }) =>
        method !== 'get' && !agentsOwn(operation) && !questions.includes(`${method} ${path}`),
    )
    expect(changes.length).toBeGreaterThanOrEqual(10)
    for (const { path, method, operation } of changes) {
      const named = operation.parameters?.filter(({ in: place }) => place === 'query') ?? []
      expect(
        named.map(({ name }) => name),
        `${method} ${path}`,
      ).toContain('dryRun')
      expect(JSON.stringify(operation.responses[200]), `${method} ${path}`).toContain(
        '#/components/schemas/DryRun',
      )
    }
  })

  it('documents only codes of the catalogue, under their statuses', () => {
    for (const { path, method, operation } of operations()) {
      for (const [status, { description }] of Object.entries(operation.responses)) {
        for (const [, code] of description.matchAll(/^`([a-z-]+)`:|(?<=\. )`([a-z-]+)`:/g)) {
          if (!code) continue
          expect(Object.keys(rejections), `${method} ${path}`).toContain(code)
          expect(String(rejections[code as keyof typeof rejections].status)).toBe(status)
        }
      }
    }
  })
})
