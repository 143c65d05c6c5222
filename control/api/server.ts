/**
 * The HTTP API as one function from Request to Response, on Web standards only: a runtime gives it the
 * turn, the log, the transport and the clock. Life of an intent: guard, operation, intents.ts, the turn.
 */
import { OpenAPIHono } from '@hono/zod-openapi'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { FollowedLog } from '../log/followed.ts'
import { type AgentDesk, defineAgents } from './agents.ts'
import { type AppReader, defineApps } from './apps.ts'
import { defineAudit } from './audit.ts'
import { defineBlame } from './blame.ts'
import { type ClusterReader, defineClusters } from './clusters.ts'
import { defineDiff } from './diff.ts'
import { type DocumentReader, defineDocuments } from './documents.ts'
import { errorsPage } from './errors-page.ts'
import { defineEvents } from './events.ts'
import { defineExplain, type ExplainReader } from './explain.ts'
import { defineFreezes, type FreezeReader } from './freezes.ts'
import { type Credentials, createGuard, foreign, type Listener } from './guard.ts'
import { defineHealth, type Health } from './health.ts'
import { createIngressRefusals } from './ingress-refusals.ts'
import { defineIngresses, type IngressReader } from './ingresses.ts'
import type { IntentTaker } from './intents.ts'
import { defineKeys, type KeyDesk, type KeyReader } from './keys.ts'
import type { Metrics } from './metrics.ts'
import { type App, definer } from './operation.ts'
import { definePreviewLinks, type LinkSigner } from './preview-links.ts'
import { errorsPath, problem } from './problem.ts'
import { createRates, defaultRates, type RateLimits } from './rates.ts'
import { defineReleases, type ReleaseReader } from './releases.ts'
import { createRouteClaims } from './route-claims.ts'
import { defineSnapshot } from './snapshot.ts'
import { defineTokens, type TokenReader } from './tokens.ts'
import { defineWebhooks, type WebhookDesk } from './webhooks.ts'

export interface ApiDependencies {
  readonly credentials: Credentials
  readonly listener: Listener
  readonly taker: IntentTaker
  readonly reader: AppReader &
    ReleaseReader &
    ClusterReader &
    IngressReader &
    ExplainReader &
    TokenReader &
    KeyReader &
    DocumentReader &
    FreezeReader
  readonly desk: AgentDesk
  readonly log: FollowedLog
  readonly health: Health
  readonly links: LinkSigner
  readonly keys: KeyDesk
  readonly rates?: RateLimits
  readonly metrics: Metrics
  readonly webhooks: WebhookDesk
  readonly monotonicMs: () => number
  /** Told of bugs; the caller has been answered 500. */
  readonly onError: (error: unknown) => void
}

export interface Api {
  /** `address`: the caller's, as the runtime knows it. */
  fetch(request: Request, address?: string | null): Promise<Response>
  /** The OpenAPI 3.1 document. */
  document(): object
}

export function createApi(dependencies: ApiDependencies): Api {
  const { credentials, listener, taker, reader, desk, log, health, metrics } = dependencies
  const app: App = new OpenAPIHono()
  const document = () => app.getOpenAPI31Document(about)
  app.use(async (context, next) => {
    const startedMs = dependencies.monotonicMs()
    const refused = foreign(context.req.raw, listener)
    if (refused) context.res = refused
    else await next()
    context.res.headers.set('x-content-type-options', 'nosniff')
    metrics.requestAnswered({
      method: context.req.method,
      route: context.get('operation') ?? 'unknown',
      status: context.res.status,
      seconds: (dependencies.monotonicMs() - startedMs) / 1_000,
    })
  })
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (_, methods) => wrongMethod(methods) }))
  app.notFound((context) =>
    problem({
      code: 'not-found',
      detail: `Nothing is at ${context.req.path}.`,
      fix: 'GET /openapi.json lists what there is.',
    }),
  )
  app.onError((error) => {
    dependencies.onError(error)
    return problem({
      code: 'internal-error',
      detail: 'The call met a bug; the log of control has it.',
    })
  })

  const rates = createRates(dependencies.rates ?? defaultRates)
  const define = definer(app, createGuard(credentials), rates)
  const refusals = createIngressRefusals(dependencies.monotonicMs)
  defineHealth(define, health, metrics)
  const claims = createRouteClaims(dependencies.monotonicMs)
  const overheard = claims.overhearing(taker)
  defineApps(define, overheard, reader)
  defineReleases(define, overheard, refusals.telling(reader))
  definePreviewLinks(define, taker, dependencies.links)
  defineFreezes(define, taker, reader)
  defineClusters(define, taker, reader)
  defineIngresses(define, overheard, reader, refusals, claims)
  defineSnapshot(define, reader)
  defineDiff(define, reader)
  defineExplain(define, reader)
  defineBlame(define, reader)
  defineEvents(define, log)
  defineAudit(define, reader)
  defineTokens(define, taker, reader)
  defineKeys(define, taker, reader, dependencies.keys)
  defineDocuments(define, reader)
  defineWebhooks(define, taker, dependencies.webhooks)
  defineAgents(define, desk)
  let documentText: string | null = null
  app.get('/openapi.json', (context) => {
    context.set('operation', '/openapi.json')
    documentText ??= JSON.stringify(document())
    return new Response(documentText, { headers: { 'content-type': 'application/json' } })
  })
  app.get(errorsPath, (context) => {
    context.set('operation', errorsPath)
    return new Response(errorsPage(), {
      headers: { 'content-type': 'text/markdown; charset=utf-8' },
    })
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'Scopes: `admin` includes `release`, which includes `read`.',
  })
  return { fetch: async (request, address = null) => app.fetch(request, { address }), document }
}

/** The document alone, for the docs: no operation of it is called. */
export const apiDocument = (): object => createApi({} as ApiDependencies).document()

const about = {
  openapi: '3.1.0',
  info: {
    title: 'Switchyard',
    version: '1',
    description: 'Moves live traffic between versions of applications, proven by every proxy.',
  },
}

const wrongMethod = (methods: readonly string[]) =>
  problem(
    { code: 'method-not-allowed', detail: `This address takes ${methods.join(', ')}.` },
    { allow: methods.join(', ') },
  )
