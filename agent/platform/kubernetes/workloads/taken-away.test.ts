import { beforeEach, describe, expect, it } from 'vitest'
import type { Stored } from './api-server.fixture.ts'
import { applyAt, notes, server } from './holder.fixture.ts'
import { imageRelease } from './story.fixture.ts'
import { takenAway } from './taken-away.ts'

describe('what others take away', () => {
  let revision: number

  beforeEach(async () => {
    revision = 0
    await again()
  })

  const again = async (stampAll = false) => {
    const place = { epoch: 1, revision: ++revision }
    const { troubles } = await applyAt(place, [imageRelease(1)], false, stampAll)
    return troubles.get('shop-r1') ?? []
  }
  interface Pods {
    metadata: { labels: Record<string, string>; annotations?: Record<string, string> }
    spec: { containers: { env?: unknown[]; image?: string }[] }
  }
  const pods = (one: Stored) => (one.spec as { template: Pods }).template
  const changed = (change: (template: Pods) => void) =>
    server.change('Deployment', 'shop-r1', (one) => change(pods(one)))

  it('of the pods is told, and stays away', async () => {
    changed(({ metadata, spec }) => {
      delete spec.containers[0]!.env
      delete metadata.labels.team
      spec.containers.splice(1, 1)
    })
    const before = server.find('Deployment', 'shop-r1')!.spec
    expect(await again()).toEqual([
      'others changed Deployment "shop-r1": template.metadata.labels.team (taken away), template.spec.containers[app].env (taken away), template.spec.containers[sidecar] (taken away), and that stays so',
    ])
    expect(server.find('Deployment', 'shop-r1')!.spec).toEqual(before)
  })

  it('is told by the pods that were made first, however often they were changed since', async () => {
    changed(({ spec }) => spec.containers[0]!.env!.push({ name: 'DEBUG', value: '1' }))
    expect(await again()).toEqual([])
    changed(({ spec }) => spec.containers[0]!.env!.splice(0, 1))
    expect((await again()).join()).toContain('env[COLOUR] (taken away)')
    changed(({ spec }) => spec.containers[0]!.env!.push({ name: 'COLOUR', value: 'red' }))
    expect(await again()).toEqual([])
  })

  it('of its Service is told, and stays away, whoever leads next', async () => {
    server.change('Service', 'shop-r1', ({ spec }) => {
      delete (spec as { ports: { name?: string }[] }).ports[0]!.name
    })
    const words =
      'others changed Service "shop-r1" in namespace "shop": ports[80].name (taken away), and that stays so'
    expect(await again()).toEqual([words])
    expect(await again(true)).toEqual([words])
    expect(server.find('Service', 'shop-r1')!.spec).toMatchObject({ ports: [{ port: 80 }] })
    expect(JSON.stringify(server.find('Service', 'shop-r1')!.spec)).not.toContain('"http"')
  })

  it('of our own labels on it comes back, and an Event says so', async () => {
    server.change('Deployment', 'shop-r1', ({ metadata }) => {
      delete metadata.labels['switchyard.dev/release']
      metadata.labels['app.kubernetes.io/version'] = '9'
    })
    expect(await again()).toEqual([])
    expect(server.find('Deployment', 'shop-r1')!.metadata.labels).toMatchObject({
      'switchyard.dev/release': 'shop-r1',
      'app.kubernetes.io/version': '0.0.1',
    })
    expect(notes.at(-1)).toMatchObject({
      reason: 'Changed',
      message: 'its labels are ours again: app.kubernetes.io/version, switchyard.dev/release',
    })
  })

  it('is nothing that Kubernetes leaves out, and no way of asking for a restart', () => {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': 'then' }
    const made = {
      annotations,
      labels: { 'pod-template-hash': 'x' },
      env: [],
      resources: {},
      a: '',
    }
    expect(takenAway(made, { annotations: {}, labels: {} }, '')).toEqual([])
    expect(takenAway({ args: ['a', 'b'] }, { args: ['a'] }, '')).toEqual([])
    expect(takenAway({ args: ['a', 'b'] }, {}, '')).toEqual(['args'])
  })
})
