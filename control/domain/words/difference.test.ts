import { describe, expect, it } from 'vitest'
import {
  type BackendObject,
  type PositionObject,
  type RouteObject,
  type SnapshotObject,
  snapshotObject,
  type WorkloadObject,
} from '#wire/object.ts'
import { wordsOf } from './difference.ts'

const route = (changes: object = {}): RouteObject =>
  snapshotObject.parse({
    kind: 'route',
    key: 'route/shop/default',
    app: 'shop',
    hosts: ['shop.example'],
    matches: [{}],
    since: 1,
    ...changes,
  }) as RouteObject
const preview = route({
  key: 'preview/shop/shop-r2',
  matches: [{ path: { type: 'PathPrefix', value: '/test' } }],
  rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
  release: 'shop-r2',
})
const backend = (changes: Partial<BackendObject> = {}): BackendObject => ({
  kind: 'backend',
  key: 'backend/shop-r2',
  app: 'shop',
  release: 'shop-r2',
  version: '0.0.2',
  platform: 'local',
  ...changes,
})
const workload = (changes: Partial<WorkloadObject> = {}): WorkloadObject => ({
  kind: 'workload',
  key: 'workload/shop-r2',
  app: 'shop',
  release: 'shop-r2',
  version: '0.0.2',
  program: 'demo',
  copies: 2,
  ...changes,
})
const position = (changes: Partial<PositionObject> = {}): PositionObject => ({
  kind: 'position',
  key: 'position/shop',
  app: 'shop',
  generation: 3,
  weights: [{ release: 'shop-r1', weight: 1 }],
  ...changes,
})
const rolling = {
  replaces: ['shop-r1'],
  maxSurge: 1,
  maxUnavailable: 0,
  minReadyMs: 0,
  progressDeadlineMs: 1_000,
  paused: false,
}
const next = { generation: 7, weights: [{ release: 'shop-r2', weight: 1 }], minReady: 2 }
const split = { seed: 9, key: { header: 'x-user-id' } }

const pods = (service?: string) => ({
  program: undefined,
  kubernetes: {
    namespace: 'web',
    port: 80,
    template: 'shop',
    image: 'shop:2',
    ...(service && { service }),
  },
})

type Pair = readonly [before: SnapshotObject | null, after: SnapshotObject | null]
const words = (...pairs: readonly Pair[]) =>
  wordsOf(pairs.map(([before, after]) => ({ key: (after ?? before)!.key, before, after })))

const twin = route({
  key: 'preview/shop/shop-r2/header-0/default',
  matches: [{ headers: [{ name: 'x-green', value: '1' }] }],
  release: 'shop-r2',
})

describe('a change of an object in words', () => {
  it.each<readonly [...Pair, readonly string[]]>([
    [workload(pods()), workload(pods('shop')), ['The Service shop selects shop-r2.']],
    [workload(pods('shop')), workload(pods()), ['The Service shop leaves shop-r2.']],
    [null, route(), ['Route default of shop is new: /* on shop.example.']],
    [route(), null, ['Route default of shop is gone: /* on shop.example.']],
    [
      null,
      preview,
      ['The preview of shop-r2 is new: /test/* on shop.example; the matched prefix becomes /.'],
    ],
    [
      null,
      twin,
      [
        'The way to shop-r2 by header, like route default of shop, is new: /* with header x-green: 1 on shop.example.',
      ],
    ],
    [
      route(),
      route({ hosts: ['shop.example', 'shop.test'], matches: [{ method: 'GET' }] }),
      [
        'Route default of shop changes: hosts gain shop.test; matches gain GET /*; matches lose /*.',
      ],
    ],
    [
      route(),
      route({ requestHeaders: { set: [{ name: 'x-a', value: '1' }], remove: ['x-b'] } }),
      ['Route default of shop changes: header x-a is set to 1, header x-b is removed.'],
    ],
    [
      route({ timeouts: { requestMs: 1_000 }, loadBalance: { type: 'random' } }),
      route({
        responseHeaders: { add: [{ name: 'vary', value: 'x-a' }] },
        timeouts: { requestMs: 2_000, connectMs: 100 },
      }),
      [
        'Route default of shop changes: response header vary gets x-a added; a request takes at most 2 s, connecting takes at most 0.1 s; no load balancing of its own any more.',
      ],
    ],
    [
      route({
        matches: [
          { cookies: [{ name: 'beta', value: '1' }], headers: [{ name: 'x', value: 'y' }] },
        ],
      }),
      null,
      ['Route default of shop is gone: /* with header x: y and cookie beta=1 on shop.example.'],
    ],
    [
      route({ rewrite: { hostname: 'a.example' } }),
      route(),
      ['Route default of shop changes: no rewrite any more.'],
    ],
    [null, backend(), ['shop-r2 (version 0.0.2) can take traffic.']],
    [backend(), null, ['shop-r2 cannot take traffic any more.']],
    [
      backend(),
      backend({ shares: ['shop-r1'] }),
      ['Ready endpoints of shop-r1 count as endpoints of shop-r2.'],
    ],
    [backend(), backend({ links: true }), ['Signed preview links may lead to shop-r2.']],
    [backend({ links: true }), backend(), ['Signed preview links to shop-r2 are answered 503.']],
    [null, workload(), ['shop-r2 runs 2 copies of demo, version 0.0.2.']],
    [workload(), workload({ copies: 1 }), ['shop-r2 runs 1 copy (before: 2).']],
    [workload(), null, ['The copies of shop-r2 are stopped.']],
    [
      workload(),
      workload({ rolling }),
      ['They replace the copies of shop-r1: at most 1 too many and 0 too few at a time.'],
    ],
    [
      workload({ rolling }),
      workload({ rolling: { ...rolling, paused: true } }),
      ['The replacement of copies by shop-r2 pauses.'],
    ],
    [
      position(),
      position({ next }),
      [
        'A switch of shop to shop-r2 is prepared, as generation 7: each agent answers once it has 2 ready endpoints.',
      ],
    ],
    [position({ next }), position(), ['The switch of shop is given up; nothing had moved.']],
    [
      position({ next }),
      position({ generation: 7, weights: next.weights }),
      ['Traffic of shop goes to shop-r2 (before: shop-r1), as generation 7.'],
    ],
    [
      position(),
      position({
        generation: 8,
        weights: [
          { release: 'shop-r2', weight: 10 },
          { release: 'shop-r1', weight: 90 },
        ],
        split,
      }),
      [
        'Traffic of shop goes to shop-r2 10% and shop-r1 90% (before: shop-r1), as generation 8.',
        'Users of shop are split by the header x-user-id, with seed 9.',
      ],
    ],
    [position(), position({ close: ['shop-r1'] }), ['What is still open on shop-r1 is closed.']],
    [position(), null, ['No release of shop answers any more.']],
    [null, position({ weights: [] }), ['shop has a position, and no release answers yet.']],
    [
      null,
      { kind: 'keys', key: 'keys', publicKeys: ['k'.repeat(43)] },
      ['Agents pin the signing keys kkkkkkkkkkkk… too.'],
    ],
  ])('case %#', (before, after, expected) => {
    expect(words([before, after])).toEqual(expected)
  })

  it('says where traffic goes before what runs', () => {
    expect(words([null, workload()], [null, backend()], [null, position()])).toEqual([
      'Traffic of shop goes to shop-r1 (before: nobody), as generation 3.',
      'shop-r2 (version 0.0.2) can take traffic.',
      'shop-r2 runs 2 copies of demo, version 0.0.2.',
    ])
  })

  it('is never silent about a change, and says nothing where there is none', () => {
    const changed = workload({ rolling: { ...rolling, minReadyMs: 5 } })
    expect(words([workload({ rolling }), changed])).toEqual(['workload/shop-r2 changes.'])
    expect(words([workload({ rolling }), workload({ rolling })])).toEqual([])
  })

  it('stays readable for long lists', () => {
    const hosts = Array.from({ length: 10 }, (_, n) => `${n}.example`)
    expect(words([null, route({ hosts })])[0]).toMatch(/7\.example, and 2 more\.$/)
  })
})
