/**
 * One API operation: what OpenAPI says about it and what is checked before its handler runs are the same
 * schemas. Order of the checks: token and scope, then path, query and headers, then the body; nothing of
 * a body is read for a caller who may not ask.
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { z } from 'zod'
import { type RejectionCode, rejections } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import type { TokenScope } from '#wire/token.ts'
import type { Origin } from '../domain/input.ts'
import { isLimited, outside, type Permit } from '../domain/permission.ts'
import { type JsonRead, readJson } from './body.ts'
import { isMutation, markedAsDryRun, withDryRun } from './dry-run.ts'
import * as fields from './field-errors.ts'
import { problem, problemDocument } from './problem.ts'
import type { Rates } from './rates.ts'

/** Whose token opens an operation: an operator's with a scope, an agent's, a joining agent's; or nobody's. */
export type Access = TokenScope | 'agent' | 'enrolment' | 'open'

/** Who is asking, as the guard found out. */
export type Principal =
  | {
      readonly kind: 'operator'
      readonly name: string
      readonly scopes: readonly TokenScope[]
      /** Apps and clusters that it is for. */
      readonly permit: Permit
    }
  | { readonly kind: 'agent'; readonly cluster: string; readonly agent: string }
  | { readonly kind: 'enrolment'; readonly cluster: string }
  | { readonly kind: 'nobody' }

/** `operation` is the path of the operation that answers, with its parameters' names. */
export interface ApiEnvironment {
  /** The caller's address, as the runtime knows it. */
  Bindings: { readonly address?: string | null }
  Variables: { operation?: string }
}
export type App = OpenAPIHono<ApiEnvironment>
/** Finds out who is asking and whether they may, from headers and path alone. */
export type Guard = (context: Context, access: Access) => Principal | Response

export type Fields = z.ZodObject

/** The parsed parameters of the path and the query. */
export interface AskedAbout {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
}

export interface Operation<
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
> {
  readonly method: 'get' | 'put' | 'post' | 'delete'
  /** Parameters as `{app}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly access: Access
  readonly params?: P
  readonly query?: Q
  readonly headers?: H
  readonly body?: B
  /**
   * What a reading, or what goes by no intent, is about, for tokens that are for some apps or clusters only. `shown`: the handler leaves
   * out what they may not see. Left out: everything, so such a token is refused. Changes are judged by the
   * domain, whatever they are about.
   */
  readonly about?: 'shown' | ((asked: AskedAbout) => Partial<Permit>)
  /** Shown in the document for a body that the handler reads itself. */
  readonly rawBody?: { readonly description: string; readonly mediaType: string }
  readonly answers: Readonly<Record<number, AnswerShape>>
  /** Codes that it may be refused with, beside those that its parts imply. */
  readonly rejections?: readonly RejectionCode[]
}

export interface AnswerShape {
  readonly description: string
  readonly schema?: z.ZodType
  readonly mediaType?: string
}

export interface Parsed<P, Q, H, B> {
  readonly params: P
  readonly query: Q
  readonly headers: H
  readonly body: B
  readonly principal: Principal
  readonly origin: Origin
  /** `?dryRun=true`: nothing may be changed, written or made; `takeIntent` sees to what the turn does. */
  readonly dryRun: boolean
  /** False once the token is revoked or its agent forgotten: for answers that go on. */
  readonly stillMay: () => boolean
  readonly request: Request
}

export type Define = <
  P extends Fields = typeof nothing,
  Q extends Fields = typeof nothing,
  H extends Fields = typeof nothing,
  B extends z.ZodType = z.ZodUndefined,
>(
  operation: Operation<P, Q, H, B>,
  handle: (
    parsed: Parsed<z.output<P>, z.output<Q>, z.output<H>, z.output<B>>,
  ) => Promise<Response> | Response,
) => void

const nothing = z.strictObject({})

/** Bodies of operators that are read at once: together at most 64 MiB. */
export const bodiesAtOnceMax = 64

export function definer(app: App, guard: Guard, rates: Rates): Define {
  let bodiesAtOnce = 0
  const readBody = async (request: Request): Promise<JsonRead> => {
    if (bodiesAtOnce >= bodiesAtOnceMax) return { rejection: tooManyBodies }
    bodiesAtOnce++
    try {
      return await readJson(request, limits.requestBodyBytes)
    } finally {
      bodiesAtOnce--
    }
  }
  return (asked, handle) => {
    const operation = isMutation(asked) ? withDryRun(asked) : asked
    app.openAPIRegistry.registerPath(documented(operation))
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const answer = async (context: Context<ApiEnvironment>): Promise<Response> => {
      context.set('operation', operation.path)
      const principal = guard(context, operation.access)
      if (principal instanceof Response) {
        // Refused by its token, known or not: it is the address that asks again and again.
        return (await rates.ofStranger(context.env?.address ?? null)) ?? principal
      }
      const limited = await rates.ofCaller(principal, operation.access, isMutation(asked))
      if (limited) return limited
      const request = context.req.raw
      const errors: fields.FieldError[] = []
      const check = <T extends z.ZodType>(
        schema: T,
        value: unknown,
        toPointer: (path: readonly PropertyKey[]) => string,
      ) => {
        const result = schema.safeParse(value, { error: fields.issueMessage })
        if (!result.success) errors.push(...fields.fieldErrors(result.error.issues, toPointer))
        return result.data
      }
      const params = check(operation.params ?? nothing, context.req.param(), fields.pathPointer)
      const query = check(operation.query ?? nothing, queryOf(request.url), fields.queryPointer)
      const headers = operation.headers
        ? check(operation.headers, context.req.header(), fields.headerPointer)
        : {}
      if (errors.length > 0) return invalid(errors)
      const foreign = readingFault(operation, principal, { params, query })
      if (foreign) return problem(foreign.rejection)
      let body: unknown
      if (operation.body) {
        const json = await readBody(request)
        if ('rejection' in json) return problem(json.rejection)
        body = check(operation.body, json.value, fields.bodyPointer)
        if (errors.length > 0) return invalid(errors)
      }
      const stillMay = () => !(guard(context, operation.access) instanceof Response)
      const dryRun = (query as { dryRun?: boolean } | undefined)?.dryRun ?? false
      const origin = originOf(context)
      const parsed = { params, query, headers, body, principal, origin, dryRun, stillMay, request }
      return handle(parsed as never)
    }
    app.on(operation.method.toUpperCase(), path, async (context) => {
      const answered = await answer(context)
      return isMutation(asked) ? markedAsDryRun(context.req.raw, answered) : answered
    })
  }
}

type AnyOperation = Operation<Fields, Fields, Fields, z.ZodType>

/** A limited token sees what it is for, and nothing of what goes beyond. */
function readingFault(
  operation: AnyOperation,
  principal: Principal,
  asked: { params: unknown; query: unknown },
) {
  const { method, access, about } = operation
  const isReading = method === 'get' || access === 'read' || about !== undefined
  if (!isReading || principal.kind !== 'operator' || !isLimited(principal.permit)) return null
  if (operation.about === 'shown') return null
  const { apps = null, clusters = null } = operation.about?.(asked as never) ?? {}
  const { permit } = principal
  return outside('app', apps, permit.apps) ?? outside('cluster', clusters, permit.clusters)
}

/** For lists: an app that the token is for, in a cluster that it is for. */
export function maySee(
  principal: Principal,
  app: string | null,
  clusters: readonly string[],
): boolean {
  if (principal.kind !== 'operator') return true
  const { permit } = principal
  const inApps = app === null || (permit.apps?.includes(app) ?? true)
  const inClusters =
    permit.clusters === null || clusters.some((one) => permit.clusters!.includes(one))
  return inApps && inClusters
}

const notPrintable = /[^ -~]/g

function originOf(context: Context<ApiEnvironment>): Origin {
  const client = context.req.header('user-agent')?.replaceAll(notPrintable, '?')
  return {
    address: context.env?.address ?? null,
    client: client?.slice(0, limits.clientChars) ?? null,
  }
}

const tooManyBodies = {
  code: 'overloaded',
  detail: `${bodiesAtOnceMax} request bodies are being read already.`,
  fix: 'Try again in a moment, with the same Idempotency-Key.',
} as const

/** A repeated name becomes a list, which no schema takes: it is refused rather than guessed at. */
function queryOf(url: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  const all = new URL(url).searchParams
  for (const name of new Set(all.keys())) {
    const values = all.getAll(name)
    query[name] = values.length === 1 ? values[0]! : values
  }
  return query
}

const invalid = (errors: readonly fields.FieldError[]) =>
  problem({
    code: 'invalid-request',
    detail: errors.map((error) => `${error.pointer || 'body'}: ${error.message}`).join('; '),
    fix: 'Correct the fields that `errors` names.',
    errors,
  })

/** The operation for the OpenAPI document, with the refusals that its parts imply. */
function documented(operation: Operation<Fields, Fields, Fields, z.ZodType>) {
  const { method, path, tag, summary, description, access, params, query, headers } = operation
  const { body, rawBody } = operation
  const codes = new Set<RejectionCode>(operation.rejections)
  if (access !== 'open') codes.add('unauthenticated').add('forbidden').add('rate-limited')
  if (params || query || headers || body) codes.add('invalid-request')
  if (body) codes.add('body-too-large').add('unsupported-media-type').add('overloaded')
  const required = body !== undefined && !body.safeParse(undefined).success
  return {
    method,
    path,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(access !== 'open' && { security: [{ bearer: [access] }] }),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(headers && { headers }),
      ...(body && { body: { required, content: { 'application/json': { schema: body } } } }),
      ...(rawBody && {
        body: {
          required: true,
          description: rawBody.description,
          content: { [rawBody.mediaType]: { schema: z.string() } },
        },
      }),
    },
    responses: { ...answersOf(operation.answers), ...refusalsOf(codes) },
  }
}

function answersOf(answers: Readonly<Record<number, AnswerShape>>) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, mediaType }]) => [
      status,
      {
        description,
        ...(schema && { content: { [mediaType ?? 'application/json']: { schema } } }),
      },
    ]),
  )
}

function refusalsOf(codes: ReadonlySet<RejectionCode>) {
  const byStatus = Map.groupBy(codes, (code) => rejections[code].status)
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, group]) => [
        status,
        {
          description: group.map((code) => `\`${code}\`: ${rejections[code].sentence}`).join(' '),
          content: { 'application/problem+json': { schema: problemDocument } },
        },
      ]),
  )
}
