/** Ingress objects as intents: their routes in one cluster's snapshot, and who wins when two say the same. */
import { describe, expect, it } from 'vitest'
import { explain } from '#router/reference.ts'
import { digestOf } from '#wire/digest.ts'
import { type IngressIntent, ingressIntent } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import { find, objectsOf } from '#wire/tree.ts'
import { decide } from '../decide.ts'
import { rehearse } from '../dry-run/dry-run.ts'
import { createRelease, enrol, fleetOf, now, putApp } from '../fleet-of.fixture.ts'
import type { Input, Intent } from '../input.ts'
import { maySeeEvent } from '../permission.ts'
import { emptyFleet } from '../reports/fleet.ts'
import { sentenceOf } from '../words/sentence.ts'
import { ingressOf } from './ingress.ts'
import { rebuild, snapshotOf } from './snapshot.ts'

const web = (changes: Partial<IngressIntent> = {}): IngressIntent =>
  ingressIntent.parse({
    uid: 'uid-1',
    hash: digestOf(changes),
    class: 'switchyard',
    routes: [
      {
        host: 'web.example',
        path: { type: 'PathPrefix', value: '/' },
        service: 'shop/web:http',
      },
    ],
    warnings: [],
    ...changes,
  })
const at = (host: string, value = '/') => ({
  host,
  path: { type: 'PathPrefix' as const, value },
  service: 'shop/web:http',
})
const put = (body = web(), name = 'web', cluster = 'eu-1'): Intent => ({
  type: 'put-ingress',
  cluster,
  namespace: 'shop',
  name,
  body,
})
const gone = (name = 'web'): Intent => ({
  type: 'delete-ingress',
  cluster: 'eu-1',
  namespace: 'shop',
  name,
})

/** Two clusters whose agents read content format 2. */
function fleet() {
  const made = fleetOf('eu-1', 'us-1')
  made.ask(enrol('eu-1', 'eu-1-a'))
  made.ask(enrol('us-1', 'us-1-a'))
  made.report('eu-1', 'eu-1-a')
  made.report('us-1', 'us-1-a')
  const tree = (cluster = 'eu-1') => {
    const held = snapshotOf(made.state(), cluster)
    expect(rebuild(made.state(), cluster).root).toBe(held.root)
    return held
  }
  const ask = (host: string, path = '/') => {
    const request = { method: 'GET', host, path, headers: [] }
    const { status, destination } = explain([...objectsOf(tree())], request)
    return destination ? `${destination.route} → ${destination.releases[0]?.release}` : status
  }
  return { ...made, tree, answer: ask }
}

describe('an Ingress', () => {
  it('makes routes in the snapshot of its own cluster alone', () => {
    const { ask, tree, answer } = fleet()
    const elsewhere = tree('us-1').root
    expect(ask(put())).toMatchObject({ kind: 'record', record: { answer: { status: 201 } } })
    expect(find(tree(), 'ingress/shop/web/web.example/')).toEqual({
      kind: 'route',
      key: 'ingress/shop/web/web.example/',
      app: 'shop/web',
      hosts: ['web.example'],
      matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [] }],
      service: 'shop/web:http',
      since: expect.any(Number),
    })
    expect(answer('web.example')).toBe('ingress/shop/web/web.example/ → shop/web:http')
    expect(tree('us-1').root).toBe(elsewhere)
  })

  it('that is put again as it is changes nothing', () => {
    const { ask, state } = fleet()
    ask(put())
    const before = state()
    expect(ask(put())).toMatchObject({ record: { events: [], answer: { status: 200 } } })
    expect(state().clusters.get('eu-1')!.ingresses).toBe(before.clusters.get('eu-1')!.ingresses)
    expect(snapshotOf(state(), 'eu-1')).toBe(snapshotOf(before, 'eu-1'))
  })

  it('changes whole, keeps its age, and goes whole', () => {
    const { ask, tree, answer, state } = fleet()
    ask(put())
    const { createdRevision } = ingressOf(state(), 'eu-1', 'shop/web')!
    ask(put(web({ routes: [at('*'), at('a.example', '/cart')] })))
    expect(answer('web.example')).toBe('ingress/shop/web/*/ → shop/web:http')
    expect(find(tree(), 'ingress/shop/web/a.example/cart')).toMatchObject({
      since: createdRevision,
    })
    ask(gone())
    expect(answer('web.example')).toBe(404)
    expect(ingressOf(state(), 'eu-1', 'shop/web')).toBeUndefined()
    expect(ask(gone())).toMatchObject({ record: { events: [], answer: { status: 200 } } })
  })

  it('that was deleted and made anew is as young as that', () => {
    const { ask, state } = fleet()
    ask(put())
    const before = ingressOf(state(), 'eu-1', 'shop/web')!.createdRevision
    ask(put(web({ uid: 'uid-2' })))
    expect(ingressOf(state(), 'eu-1', 'shop/web')!.createdRevision).toBeGreaterThan(before)
  })

  it('of which nothing can be done is known with its reasons', () => {
    const { ask, state, tree } = fleet()
    const before = tree().root
    ask(put(web({ routes: [], warnings: ['haproxy.org/allow-list: …'] })))
    expect(ingressOf(state(), 'eu-1', 'shop/web')?.intent.warnings).toHaveLength(1)
    expect(tree().root).toBe(before)
  })

  it('needs content format 2', () => {
    const { state } = fleet()
    const old = { ...state(), format: 1 }
    const input = { kind: 'intent', intent: put(), actor: 't', idempotencyKey: null, ifMatch: null }
    expect(decide(old, emptyFleet(0), input as Input, now)).toMatchObject({
      rejection: { code: 'format-not-supported', evidence: { agents: [{ agent: 'eu-1-a' }, {}] } },
    })
  })

  it('leads to Services of its own namespace', () => {
    const { refused } = fleet()
    const foreign = web({ routes: [{ ...at('a.example'), service: 'bank/web:http' }] })
    expect(refused(put(foreign))).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/routes/0/service' }],
    })
  })

  it('of an unknown cluster is refused', () => {
    expect(fleet().refused(put(web(), 'web', 'eu-9'))).toMatchObject({ code: 'unknown-cluster' })
  })

  it('beyond the limit is refused, one that is there may change', () => {
    const { ask, refused } = fleet()
    for (let n = 0; n < limits.ingressesPerCluster; n++) {
      ask(put(web({ routes: [at(`a${n}.example`)] }), `web-${n}`))
    }
    expect(refused(put(web(), 'one-more'))).toMatchObject({ code: 'limit-reached' })
    expect(ask(put(web({ routes: [at('b.example')] }), 'web-0'))).toMatchObject({ kind: 'record' })
  })
})

describe('two that say the same', () => {
  const conflict = (route: string, other: string) => ({
    code: 'route-conflict',
    evidence: { cluster: 'eu-1', route, other },
  })
  const webApp = putApp('shop', { hosts: ['web.example'] })

  it("an app's route stays, the younger Ingress is refused and named it", () => {
    const { ask, refused, answer } = fleet()
    ask(webApp)
    expect(refused(put())).toMatchObject(
      conflict('ingress/shop/web/web.example/', 'route/shop/default'),
    )
    expect(answer('web.example')).toContain('route/shop/default')
    // Even where the app has the name of the namespace.
    ask({ type: 'delete-app', app: 'shop' })
    expect(ask(put())).toMatchObject({ kind: 'record' })
  })

  it('an Ingress stays, the younger app is refused and named it', () => {
    const { ask, refused, answer } = fleet()
    ask(put())
    expect(refused(webApp)).toMatchObject(
      conflict('route/shop/default', 'ingress/shop/web/web.example/'),
    )
    expect(answer('web.example')).toBe('ingress/shop/web/web.example/ → shop/web:http')
  })

  it("a release's preview does not take the place of an Ingress", () => {
    const { ask, refused, report } = fleet()
    ask(put(web({ routes: [at('web.example', '/test')] })))
    ask(webApp)
    ask(createRelease('shop'))
    for (let n = 0; n < 4; n++) report('eu-1', 'eu-1-a', { readyEndpoints: { 'shop-r1': 1 } })
    const preview = createRelease('shop', { version: '2', preview: { path: '/test' } })
    expect(refused(preview)).toMatchObject(
      conflict('preview/shop/shop-r2', 'ingress/shop/web/web.example/test'),
    )
  })

  it('of two Ingresses the older stays; when it goes, the other may come', () => {
    const { ask, refused, answer } = fleet()
    ask(put())
    expect(refused(put(web({ uid: 'uid-2' }), 'other'))).toMatchObject(
      conflict('ingress/shop/other/web.example/', 'ingress/shop/web/web.example/'),
    )
    ask(gone())
    ask(put(web({ uid: 'uid-2' }), 'other'))
    expect(answer('web.example')).toBe('ingress/shop/other/web.example/ → shop/web:http')
  })
})

it('a dry run says what an Ingress would do, and whom it meets', () => {
  const { ask, state, fleet: reports } = fleet()
  ask(putApp('shop', { hosts: ['web.example'] }))
  const intent = put(web({ routes: [at('web.example', '/cart')] }))
  const input = { kind: 'intent', intent, actor: 't', idempotencyKey: null, ifMatch: null } as const
  const found = rehearse(state(), reports(), input, now)
  expect(found).toMatchObject({
    view: {
      events: [{ type: 'ingress-created' }],
      clusters: {
        'eu-1': {
          words: [
            'The route of Ingress shop/web to Service shop/web:http is new: /cart/* on web.example.',
          ],
        },
      },
      warnings: [{ code: 'overlap-with-app' }],
    },
  })
})

it('events about an Ingress are not for whoever sees some apps alone', () => {
  const { ask, last } = fleet()
  ask(put())
  const [event] = last().events
  expect(maySeeEvent(event!, { apps: null, clusters: ['eu-1'] })).toBe(true)
  expect(maySeeEvent(event!, { apps: null, clusters: ['us-1'] })).toBe(false)
  expect(maySeeEvent(event!, { apps: ['shop'], clusters: null })).toBe(false)
})

it('events about an Ingress are sentences', () => {
  const { ask, last } = fleet()
  const said = (intent: Intent) => {
    ask(intent)
    return last().events.map(sentenceOf)
  }
  expect(said(put())).toEqual(['Ingress shop/web of eu-1 came: 1 route.'])
  expect(said(put(web({ warnings: ['a', 'b'] })))).toEqual([
    'Ingress shop/web of eu-1 changed: 1 route, and 2 things not done.',
  ])
  expect(said(gone())).toEqual(['Ingress shop/web of eu-1 is gone.'])
})
