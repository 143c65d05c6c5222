/** A lab's own kubeconfig, taken as that of somebody else's cluster: nothing is used but its API. */
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultPlan } from '../../bench/load/plan.ts'
import { judge } from '../../bench/load/verdict.ts'
import { startLoad } from '../../bench/load.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from '../lab/availability.ts'
import { demoDeployment, demoService, loadDemoImage } from '../lab/demo-image.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { buildTarget } from './images.ts'
import { openOutside } from './outside-place.ts'
import type { Place } from './place.ts'
import { namespace } from './story-stage.ts'

describe.skipIf(whyNoLab({ nodes: true, images: true }))(
  'a cluster that KUBECONFIG names',
  { timeout: 120_000 },
  () => {
    let cluster: Cluster
    let context: string
    let place: Place
    const { PATH, KUBECONFIG } = process.env

    beforeAll(async () => {
      const archive = await buildTarget('switchyard-load')
      cluster = await startCluster({ name: 'outside' })
      await cluster.loadImage(archive)
      await loadDemoImage(cluster)
      process.env.PATH = `${dirname(cluster.programs.kubectl!)}:${PATH}`
      process.env.KUBECONFIG = cluster.kubeconfig
      context = (await cluster.kubectl(['config', 'current-context'])).trim()
      place = await openOutside(context)
      await place.kubectl(['create', 'namespace', namespace])
      const items = [
        demoDeployment({ name: 'app', env: { VERSION: '1' } }),
        demoService('app', { app: 'app' }),
      ]
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
      await place.kubectl(['apply', '-n', namespace, '-f', '-'], list)
      await available()
    }, 900_000)
    afterAll(async () => {
      await cluster?.stop()
      Object.assign(process.env, { PATH })
      if (KUBECONFIG === undefined) delete process.env.KUBECONFIG
      else process.env.KUBECONFIG = KUBECONFIG
    })

    const available = () =>
      place.kubectl([
        ...['wait', 'deployment/app', '-n', namespace, '--for=condition=Available'],
        '--timeout=60s',
      ])

    test('load comes from a pod of it', async () => {
      const path = ['-o', 'jsonpath={.spec.clusterIP}']
      const host = await place.kubectl(['get', 'service', 'app', '-n', namespace, ...path])
      const ask = ['exec', 'load', '-n', 'switchyard-load', '--', 'node', '-e']
      await until(
        'kube-proxy leads to the pod',
        () => place.kubectl([...ask, `await fetch('http://${host}/')`]),
        () => true,
        60_000,
      )
      const targets = [{ name: 'app', host, port: 80 }]
      const plan = { ...defaultPlan, targets, authority: 'app.example' }
      const load = await startLoad(plan, place.launchLoad)
      await until('answers', load.counts, ({ done }) => done > 100, 30_000)
      const { failed, byVersion } = judge(await load.stop(), [{ version: '1', fromMs: 0 }])
      expect({ failed, versions: Object.keys(byVersion) }).toEqual({ failed: 0, versions: ['1'] })
    })

    test('a port leads to a Service, also after its pod was replaced', async () => {
      const port = await place.openService(namespace, 'app', 80)
      const host = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/`)
        return ((await answer.json()) as { hostname: string }).hostname
      }
      const before = await host()
      await place.kubectl(['delete', 'pod', before, '-n', namespace, '--grace-period=1'])
      await available()
      await until('another pod', host, (name) => name !== before, 60_000)
      expect(await place.openService(namespace, 'app', 80)).toBe(port)
    })

    test('what is there already is not taken over', async () => {
      await expect(openOutside(context)).rejects.toThrow(
        /has namespace\/shop, namespace\/switchyard-load already/,
      )
    })

    test('at the end nothing is left', async () => {
      await place.close()
      const left = await cluster.kubectl(['get', 'namespaces', '-o', 'name'])
      expect(left).not.toMatch(/shop|switchyard/)
    })
  },
)
