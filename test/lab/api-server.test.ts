import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { demoDeployment } from './demo-image.ts'
import { leftoversOf } from './leftovers.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

describe.skipIf(whyNoLab({ nodes: false }))('a lab without nodes', { timeout: 120_000 }, () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await startCluster({ name: 'api', nodes: false, audit: true })
  }, 300_000)
  afterAll(() => cluster?.stop())

  test('answers as the pinned version of Kubernetes', async () => {
    const { serverVersion } = JSON.parse(await cluster.kubectl(['version', '-o', 'json']))
    expect(serverVersion.gitVersion).toBe('v1.37.2')
  })

  test('its controllers make of a Deployment the pods that nobody runs', async () => {
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(demoDeployment({ name: 'shop' })))
    const pods = await until(
      'a pod of the Deployment',
      async () => JSON.parse(await cluster.kubectl(['get', 'pods', '-o', 'json'])).items,
      (items) => items.length === 1,
    )
    expect(pods[0].metadata.name).toMatch(/^shop-/)
    expect(pods[0].status.phase).toBe('Pending')
  })

  test('the same kubeconfig serves inside the lab', async () => {
    const child = cluster.run(cluster.programs.kubectl!, ['get', 'ns', 'default', '-o', 'name'])
    let said = ''
    child.stdout!.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([code, said]).toEqual([0, 'namespace/default\n'])
  })

  test('the audit log names who did which verb to what', async () => {
    await cluster.kubectl(['get', 'configmaps', '-n', 'kube-system'])
    const events = await until(
      'the event of the request',
      () =>
        readFileSync(cluster.auditLog!, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      (lines) => lines.some(({ user, verb }) => user.username === 'admin' && verb === 'list'),
    )
    const listed = events.find(
      ({ user, objectRef }) => user.username === 'admin' && objectRef?.resource === 'configmaps',
    )
    expect(listed).toMatchObject({
      verb: 'list',
      stage: 'ResponseComplete',
      objectRef: { namespace: 'kube-system' },
    })
    expect(listed.requestObject).toBeUndefined()
  })

  test('the API server can be away and comes back with what it had', async () => {
    const server = cluster.part('kube-apiserver')
    await server.kill()
    await expect(cluster.kubectl(['get', 'ns', '--request-timeout=2s'])).rejects.toThrow(/kubectl/)
    server.start()
    await until(
      'the Deployment again',
      () => cluster.kubectl(['get', 'deployment', 'shop', '-o', 'name']),
      (text) => text === 'deployment.apps/shop\n',
      60_000,
    )
  })

  test('a command inside gets the signal that it is sent', async () => {
    const child = cluster.run('sleep', ['60'])
    await until(
      'the command',
      () => child.kill(0),
      (runs) => runs,
    )
    child.kill('SIGTERM')
    expect(await new Promise((resolve) => child.once('exit', (_, how) => resolve(how)))).toBe(
      'SIGTERM',
    )
  })

  test('an image cannot be loaded, and the message says why', async () => {
    await expect(cluster.loadImage('x.tar')).rejects.toThrow('lab api has no node')
  })

  test('nothing is left after it has stopped, with a command inside that was asleep', async () => {
    const child = cluster.run('sleep', ['60'])
    await until(
      'the command',
      () => child.kill('SIGSTOP'),
      (asleep) => asleep,
    )
    expect(leftoversOf(cluster.folder)).not.toEqual([])
    await cluster.stop()
    expect(leftoversOf(cluster.folder)).toEqual([])
  })
})
