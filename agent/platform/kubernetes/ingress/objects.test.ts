import { afterEach, expect, test } from 'vitest'
import { until } from '../../../pilot/fleet.fixture.ts'
import { clusterInMemory } from './cluster.fixture.ts'
import { followIngressObjects } from './objects.ts'

const stopping = new AbortController()
afterEach(() => stopping.abort())

test('an Ingress that is one too many is told and left out, and the others stay', async () => {
  const cluster = clusterInMemory()
  const troubles: string[] = []
  const objects = followIngressObjects(
    cluster.client,
    ['switchyard'],
    { onChange: () => {}, onTrouble: (text) => troubles.push(text) },
    stopping.signal,
    undefined,
    2,
  )
  await until('all three are listed', () => objects.listed() && cluster.watchCount() === 3)
  for (const name of ['one', 'two', 'three', 'two']) {
    cluster.apply(
      `{ kind: Ingress, metadata: { name: ${name} }, spec: { ingressClassName: switchyard } }`,
    )
  }
  await until('a word', () => troubles.length > 0)
  expect(troubles).toEqual([
    '/apis/networking.k8s.io/v1/ingresses shop/three is left out: an agent takes 2 of them',
  ])
  expect(objects.ours().map(({ ingress }) => ingress.metadata.name)).toEqual(['one', 'two'])
})
