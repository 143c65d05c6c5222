import { describe, expect, it, test } from 'vitest'
import { createApiServer, type Stored } from './api-server.fixture.ts'
import { apply, applyAt, notes, server, words } from './holder.fixture.ts'
import { namespacesMax, observe } from './observe.ts'
import {
  adoptedRelease,
  deploymentOf,
  imageRelease,
  rollingOver,
  undisputed,
} from './story.fixture.ts'

const signal = new AbortController().signal
const spec = (name: string) => server.find('Deployment', name)!.spec as Spec
const labels = (name: string) => server.find('Deployment', name)!.metadata.labels
interface Spec {
  replicas: number
  paused?: boolean
  template: {
    metadata: { labels: Record<string, string> }
    spec: { containers: { name: string; image: string }[] }
  }
}
const selector = (name: string) =>
  (server.find('Service', name)!.spec as { selector: Record<string, string> }).selector

describe('a Deployment made of the template', () => {
  it('has its pods, but none of the labels by which others select', async () => {
    server.put({
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { team: 'a' } },
    })
    await apply(imageRelease(1, { container: 'sidecar' }))
    const { template } = spec('shop-r1')
    expect(template.metadata.labels).toEqual({
      'switchyard.dev/app': 'shop',
      'switchyard.dev/release': 'shop-r1',
      'switchyard.dev/cluster': 'eu-1',
      'switchyard.dev/deployment': 'shop-r1',
    })
    const images = template.spec.containers.map(({ image }) => image)
    expect(images).toEqual(['shop:0', 'shop:1'])
    expect(notes.map(({ reason }) => reason)).toEqual(['Created'])
  })

  it('has no label by which the Service of an adopted release selects', async () => {
    server.put(deploymentOf('a-team', { squad: 'a' }))
    server.change('Deployment', 'shop', (one) => {
      const { template } = (one as Stored & { spec: Spec }).spec
      template.metadata.labels.squad = 'a'
      ;(one as Stored & { spec: Spec }).spec.replicas = 0
    })
    await apply(adoptedRelease(1, 'a-team'))
    await apply(adoptedRelease(1, 'a-team'), imageRelease(2))
    expect(selector('shop-r1')).toEqual({ squad: 'a' })
    expect(spec('shop-r2').template.metadata.labels).not.toHaveProperty('squad')
  })

  it('keeps its pods when the release that was replacing them is gone at once', async () => {
    await apply(imageRelease(1))
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    const { uid } = server.find('Deployment', 'shop-r1')!.metadata
    expect(labels('shop-r1')).toMatchObject({ 'switchyard.dev/release': 'shop-r2' })
    await apply(imageRelease(1))
    expect(server.find('Deployment', 'shop-r1')!.metadata.uid).toBe(uid)
    expect(labels('shop-r1')).toMatchObject({ 'switchyard.dev/release': 'shop-r1' })
    expect(spec('shop-r1').template.spec.containers[0]!.image).toBe('shop:1')
    expect(server.find('Service', 'shop-r2')).toBeUndefined()
  })

  it('says the version on a Service that is made while its release is being replaced', async () => {
    await apply(imageRelease(1))
    server.remove('Service', 'shop-r1')
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    const versions = ['shop-r1', 'shop-r2'].map(
      (name) => server.find('Service', name)!.metadata.labels['app.kubernetes.io/version'],
    )
    expect(versions).toEqual(['0.0.1', '0.0.2'])
  })

  it('starts with as many copies as an autoscaler has given to what is live', async () => {
    await apply(imageRelease(1))
    scaledBy('shop-r1', 7)
    await apply(imageRelease(1), imageRelease(2))
    expect(spec('shop-r2').replicas).toBe(7)
  })

  it('is not scaled by us while an autoscaler has it', async () => {
    await apply(imageRelease(1))
    scaledBy('shop-r1', 2)
    const outcome = await apply(imageRelease(1, { copies: 9 }))
    expect(spec('shop-r1').replicas).toBe(2)
    expect(words(outcome, 'shop-r1')).toContain('holds Deployment "shop-r1" at 2 replicas')
  })

  it('never takes the place of one that is there and is not ours', async () => {
    server.put(deploymentOf('shop-r1', { a: 'b' }))
    const outcome = await apply(imageRelease(1))
    expect(words(outcome, 'shop-r1')).toContain('is there and is not ours')
    expect(server.writes).toEqual([])
  })

  function scaledBy(name: string, replicas: number): void {
    server.put({
      kind: 'HorizontalPodAutoscaler',
      metadata: { name, namespace: 'shop' },
      spec: { scaleTargetRef: { kind: 'Deployment', name } },
    })
    server.change('Deployment', name, (one) => {
      ;(one as Stored & { spec: Spec }).spec.replicas = replicas
    })
  }
})

describe('a release with the number of one whose history is lost', () => {
  const former = imageRelease(2, { image: 'shop:old' })

  it('gets pods of its own, and not those of that one', async () => {
    await apply(adoptedRelease(1, 'app-blue'))
    await apply({ ...former, rolling: rollingOver(['shop-r1']) })
    await apply(imageRelease(3, { rolling: rollingOver(['shop-r2']) }))
    await applyAt({ epoch: 2, revision: 1 }, [adoptedRelease(1, 'app-blue')])
    const anew = imageRelease(2, { rolling: rollingOver(['shop-r1']) })
    const { troubles } = await applyAt({ epoch: 2, revision: 2 }, [anew])
    expect(spec('app-blue').template.spec.containers[0]!.image).toBe('shop:2')
    expect([...troubles]).toEqual([])
  })

  it.each([
    { anew: imageRelease(1), name: 'shop-r1' },
    { anew: adoptedRelease(1, 'app-green'), name: 'app-green' },
  ])('gets $name, and not the Deployment of that one', async ({ anew, name }) => {
    await apply(adoptedRelease(1, 'app-blue'))
    await apply({ ...former, rolling: rollingOver(['shop-r1']) })
    await applyAt({ epoch: 2, revision: 1 }, [anew])
    expect(labels(name)).toMatchObject({ 'switchyard.dev/release': 'shop-r1' })
  })
})

describe('an adopted Deployment', () => {
  it('keeps more replicas than the app asks for when it is rolled', async () => {
    server.change('Deployment', 'app-blue', (one) => {
      ;(one as Stored & { spec: Spec }).spec.replicas = 12
    })
    await apply(adoptedRelease(1, 'app-blue'))
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    expect(spec('app-blue').replicas).toBe(12)
    expect(selector('shop-r1')).toHaveProperty('pod-template-hash')
    expect(labels('app-blue')['switchyard.dev/release']).toBe('shop-r2')
  })

  it('belongs to who came first; both say so', async () => {
    await apply(adoptedRelease(2, 'app-blue'))
    const outcome = await apply(adoptedRelease(1, 'app-blue'), adoptedRelease(2, 'app-blue'))
    expect(labels('app-blue')['switchyard.dev/release']).toBe('shop-r2')
    expect(words(outcome, 'shop-r1')).toContain('is claimed by shop-r2')
    expect(words(outcome, 'shop-r2')).toContain('shop-r1 names Deployment "app-blue" too')
  })

  it.each([
    ['of which another selects a part', { squad: 'a' }, { squad: 'a', track: 'canary' }],
    ['which are a part of what another selects', { squad: 'a', track: 'canary' }, { squad: 'a' }],
  ])('is refused with pods %s', async (_which, of, ofOther) => {
    server.put(deploymentOf('z-other', ofOther))
    await apply(adoptedRelease(1, 'z-other'))
    server.put(deploymentOf('a-one', of))
    const outcome = await apply(adoptedRelease(1, 'z-other'), adoptedRelease(2, 'a-one'))
    expect(words(outcome, 'shop-r2')).toMatch(/"a-one" .* and Deployment "z-other" cannot be told/)
    expect(server.find('Service', 'shop-r2')).toBeUndefined()
  })

  it('is refused when no Service can select as it does', async () => {
    server.change('Deployment', 'app-blue', (one) => {
      const matchExpressions = [{ key: 'version', operator: 'In', values: ['blue'] }]
      const { selector } = one.spec as { selector: object }
      one.spec = { ...(one.spec as object), selector: { ...selector, matchExpressions } }
    })
    expect(words(await apply(adoptedRelease(1, 'app-blue')), 'shop-r1')).toContain(
      'with matchExpressions, which no Service can have',
    )
  })

  it('is not left paused when it was paused for us', async () => {
    await apply(adoptedRelease(1, 'app-blue'))
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1'], true) }))
    await apply()
    expect(spec('app-blue')).toMatchObject({ replicas: 0, paused: false })
  })

  it('of another cluster is left alone', async () => {
    server.change('Deployment', 'app-blue', ({ metadata }) => {
      metadata.labels['switchyard.dev/cluster'] = 'us-1'
    })
    const outcome = await apply(adoptedRelease(1, 'app-blue'))
    expect(words(outcome, 'shop-r1')).toContain('belongs to the cluster "us-1"')
    expect(server.writes).toEqual([])
  })

  it('whose former pods Kubernetes has forgotten says why there is no way back', async () => {
    await apply(adoptedRelease(1, 'app-blue'))
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    const hash = selector('shop-r1')['pod-template-hash']
    server.remove('ReplicaSet', `app-blue-${hash}`)
    const back = { ...adoptedRelease(1, 'app-blue'), rolling: rollingOver(['shop-r2']) }
    expect(words(await apply(back), 'shop-r1')).toContain('revisionHistoryLimit')
  })
})

describe('what nobody wants any more', () => {
  it('stays for a while when a new epoch does not know it', async () => {
    await apply(imageRelease(1))
    const next = { epoch: 2, revision: 1 }
    await applyAt(next, [], true)
    expect(server.find('Deployment', 'shop-r1')).toBeDefined()
    await applyAt(next, [])
    expect(server.find('Deployment', 'shop-r1')).toBeUndefined()
    expect(server.find('Service', 'shop-r1')).toBeUndefined()
  })

  it('stays where the namespace has opted out', async () => {
    await apply(imageRelease(1))
    server.change('Namespace', 'shop', ({ metadata }) => {
      metadata.labels = {}
    })
    await apply()
    expect(server.find('Deployment', 'shop-r1')).toBeDefined()
  })
})

it('what others change is told and stays, until it is asked for anew', async () => {
  await apply(imageRelease(1))
  server.change('Deployment', 'shop-r1', (one) => {
    ;(one as Stored & { spec: Spec }).spec.replicas = 5
  })
  server.change('Service', 'shop-r1', (one) => {
    one.spec = { ...(one.spec as object), selector: { mine: 'yes' } }
  })
  const { length } = server.writes
  const drifted = await apply(imageRelease(1))
  expect(words(drifted, 'shop-r1')).toContain('copies is 5 (asked: 3)')
  expect(words(drifted, 'shop-r1')).toContain('changed the selector or the port')
  expect(server.writes).toHaveLength(length)
  await apply(imageRelease(1, { copies: 4 }))
  expect(spec('shop-r1').replicas).toBe(4)
})

it.each([
  { who: 'kubectl, with the annotations of then', annotations: true },
  { who: 'an editor', annotations: false },
])(
  'pods that are brought back by $who stay, and are found as the release that has them',
  async (by) => {
    await apply(imageRelease(1))
    const { metadata, spec: then } = server.find('Deployment', 'shop-r1')!
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    await apply(imageRelease(2))
    notes.length = 0
    server.change('Deployment', 'shop-r1', (one) => {
      ;(one as Stored & { spec: Spec }).spec.template = (then as Spec).template
      if (by.annotations) one.metadata.annotations = metadata.annotations
    })
    await apply(imageRelease(2))
    const outcome = await apply(imageRelease(2))
    expect(spec('shop-r1').template.metadata.labels).toMatchObject(selector('shop-r2'))
    expect(spec('shop-r1').template.spec.containers[0]!.image).toBe('shop:1')
    expect(words(outcome, 'shop-r2')).toContain('image is shop:1 (asked: shop:2), and stays so')
    expect(notes.map(({ message }) => message)).toEqual([
      "its pods' labels are ours again: switchyard.dev/release",
    ])
  },
)

it('what others have made of the YAML of ours is not ours by its labels', async () => {
  await apply(adoptedRelease(1, 'app-blue'), imageRelease(2))
  const copy = (kind: 'Deployment' | 'Service', name: string) => {
    const { metadata, ...rest } = server.find(kind, name)!
    const { labels, annotations, namespace } = metadata
    server.put({ ...rest, kind, metadata: { name: `a-${name}`, namespace, labels, annotations } })
  }
  copy('Deployment', 'app-blue')
  copy('Deployment', 'shop-r2')
  copy('Service', 'shop-r1')
  const copies = () => ['a-app-blue', 'a-shop-r2'].map((name) => spec(name).replicas)
  await apply(adoptedRelease(1, 'app-blue'), imageRelease(2))
  await apply()
  expect(copies()).toEqual([3, 3])
  expect(server.find('Service', 'a-shop-r1')).toBeDefined()
  await apply(adoptedRelease(3, 'a-app-blue'))
  expect(labels('a-app-blue')['switchyard.dev/release']).toBe('shop-r3')
  await apply()
  expect(spec('a-app-blue').replicas).toBe(0)
})

it('a field that others have taken away stays away, also while copies are replaced', async () => {
  await apply(imageRelease(1))
  const rolls = imageRelease(2, { rolling: rollingOver(['shop-r1']) })
  await apply(rolls)
  server.change('Deployment', 'shop-r1', (one) => {
    one.spec = { ...(one.spec as object), strategy: { type: 'Recreate' } }
  })
  const outcome = await apply(rolls)
  expect(spec('shop-r1')).toMatchObject({ strategy: { type: 'Recreate' } })
  expect(words(outcome, 'shop-r2')).toContain('maxSurge is nothing (asked: 1), and stays so')
})

it('nothing is read of namespaces that have not opted in', async () => {
  const views = await observe(server.client(), [imageRelease(1, { namespace: 'other' })], signal)
  expect([...views.values()].map(({ name, closed }) => [name, closed === null])).toEqual([
    ['shop', true],
    ['other', false],
  ])
})

test('a namespace that is one too many is told so, and not that it has not opted in', async () => {
  const server = createApiServer()
  const apply = (revision: number) =>
    undisputed(server, [])({ epoch: 1, revision }, [imageRelease(1)])
  for (const name of [...Array(namespacesMax).keys()].map((n) => `n${n}`)) optIn(name)
  optIn('shop')
  expect(words(await apply(1), 'shop-r1')).toMatch(/"shop" has opted in, and so have 1000 others/)
  server.remove('Namespace', 'n7')
  expect(words(await apply(2), 'shop-r1')).toMatch(/the template of the app, is not/)

  function optIn(name: string): void {
    server.put({
      kind: 'Namespace',
      metadata: { name, labels: { 'switchyard.dev/managed': 'true' } },
    })
  }
})
