import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { containerGroups } from './control-groups.ts'
import { demoDeployment, demoPort, demoService, loadDemoImage } from './demo-image.ts'
import { conflictOf, type Joinable, joinClusters, type Link } from './join.ts'
import { leftoversOf } from './leftovers.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const lab = (name: string, addresses: Partial<Joinable> = {}): Joinable => ({
  ...{ name, pid: 1, podCidr: '10.244.0.0/24', serviceCidr: '10.96.0.0/16' },
  ...{ nodeAddress: '10.99.0.1', ...addresses },
})
const apart = { podCidr: '10.245.0.0/24', nodeAddress: '10.99.1.1' }

describe('labs that would call an address their own twice are not joined', () => {
  test.each([
    ['the same name', lab('a', apart), 'give one another name'],
    ['the same pods', lab('b', { nodeAddress: '10.99.1.1' }), 'their pods share addresses'],
    ['pods within pods', lab('b', { ...apart, podCidr: '10.244.0.128/25' }), 'share addresses'],
    ['the same node', lab('b', { podCidr: '10.245.0.0/24' }), 'both nodes are 10.99.0.1'],
    [
      'a node among pods',
      lab('b', { ...apart, nodeAddress: '10.244.0.9' }),
      'lies in 10.244.0.0/24',
    ],
    ['a node among services', lab('b', { ...apart, nodeAddress: '10.96.3.1' }), 'lies in 10.96'],
  ])('%s', (_, other, sentence) => {
    expect(conflictOf(lab('a'), other)).toContain(sentence)
  })

  test('the same services are no matter', () => {
    expect(conflictOf(lab('a'), lab('b', apart))).toBeNull()
  })
})

describe.skipIf(whyNoLab({ nodes: true }))('two labs side by side', { timeout: 120_000 }, () => {
  const labs: Cluster[] = []
  let link: Link

  beforeAll(async () => {
    labs.push(await startCluster({ name: 'eu' }))
    labs.push(await startCluster({ name: 'us', ...apart }))
    for (const cluster of labs) {
      await loadDemoImage(cluster)
      const version = cluster.plan.name
      const items = [
        demoDeployment({ name: 'shop', env: { VERSION: version } }),
        demoService('shop', { app: 'shop' }),
      ]
      await cluster.kubectl(
        ['apply', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
      )
    }
    for (const cluster of labs) {
      const available = ['--for=condition=Available', '--timeout=60s']
      await cluster.kubectl(['wait', 'deployment/shop', ...available])
    }
  }, 300_000)
  afterAll(async () => {
    for (const cluster of labs) await cluster.stop()
  })

  /** Asked by the pod of the first cluster, of the pod of the second. */
  const ask = async (from: Cluster, to: Cluster) => {
    const path = 'jsonpath={.items[0].status.podIP}'
    const address = await to.kubectl(['get', 'pods', '-l', 'app=shop', '-o', path])
    const url = `http://${address}:${demoPort}/`
    return JSON.parse(await from.kubectl(['exec', 'deployment/shop', '--', '/demo', 'get', url]))
  }

  test('know nothing of each other before they are joined', async () => {
    const [eu, us] = labs as [Cluster, Cluster]
    expect(await ask(eu, eu)).toMatchObject({ version: 'eu' })
    await expect(ask(eu, us)).rejects.toThrow(/no route|unreachable|timeout|deadline/i)
  })

  test('once joined, a pod of one reaches a pod of the other, from its own address', async () => {
    const [eu, us] = labs as [Cluster, Cluster]
    link = await joinClusters(eu, us)
    const answer = await until(
      'an answer over the link',
      () => ask(eu, us),
      () => true,
    )
    expect(answer).toMatchObject({ version: 'us', client: expect.stringMatching(/^10\.244\.0\./) })
    expect(await ask(us, eu)).toMatchObject({
      version: 'eu',
      client: expect.stringMatching(/^10\.245\.0\./),
    })
  })

  test('a link that is cut loses every packet, until it is mended', async () => {
    const [eu, us] = labs as [Cluster, Cluster]
    await link.cut()
    for (const [from, to] of [
      [eu, us],
      [us, eu],
    ] as const) {
      await expect(ask(from, to)).rejects.toThrow(/timeout|deadline/i)
    }
    expect(await ask(eu, eu)).toMatchObject({ version: 'eu' })
    await link.mend()
    expect(await ask(eu, us)).toMatchObject({ version: 'us' })
  })

  test('each goes on, and cleans up, when the other has stopped', async () => {
    const [eu, us] = labs as [Cluster, Cluster]
    const groups = containerGroups(us.folder)
    expect(groups, 'control groups of pods that run').not.toEqual([])
    await us.stop()
    expect(leftoversOf(us.folder)).toEqual([])
    expect(groups.filter((group) => existsSync(group))).toEqual([])
    expect(await ask(eu, eu)).toMatchObject({ version: 'eu' })
    await eu.stop()
    expect(leftoversOf(eu.folder)).toEqual([])
  })
})
