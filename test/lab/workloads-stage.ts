/**
 * Leaders of agents that run workloads in one real cluster: each test in a namespace of its own, with what it looks at
 * there.
 */
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { demoDeployment, demoImage, demoPort, loadDemoImage, secondImage } from './demo-image.ts'
import { type Leader, makeAccount, optIn, startLeader } from './leader.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const release = 'switchyard.dev/release'
const counted: ReadonlySet<string> = new Set([
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'status'],
  ...['clusterIP', 'clusterIPs', 'deployment.kubernetes.io/revision', 'switchyard.dev/applied'],
])

export type WorkloadsStage = ReturnType<typeof openWorkloadsStage>

/** Within a `describe`: its cluster lives as long as that. */
export function openWorkloadsStage() {
  let cluster: Cluster
  let leaders: Leader[] = []
  let inside = ''
  let numbers = 0
  let kubeconfig = ''

  beforeAll(async () => {
    cluster = await startCluster({ name: 'work', audit: true })
    kubeconfig = await makeAccount(cluster)
    await loadDemoImage(cluster)
    await loadDemoImage(cluster, secondImage)
  }, 300_000)
  afterAll(() => cluster?.stop())
  afterEach(async () => {
    await Promise.all(leaders.map((one) => one.close()))
    leaders = []
  })

  /** A namespace that has opted in, with the template; and an agent that leads there. */
  async function stage(): Promise<Leader> {
    inside = `shop-${++numbers}`
    await optIn(cluster, inside)
    await put(demoDeployment({ name: 'shop', labels: { app: 'shop', tier: 'web' } }))
    return leader(`eu-${numbers}`)
  }

  function leader(name: string, more: { agent?: string; leaseMs?: number } = {}): Leader {
    const one = startLeader({ kubeconfig, name, ...more })
    leaders.push(one)
    return one
  }

  const put = (object: ReturnType<typeof demoDeployment>) => {
    const container = object.spec.template.spec.containers[0]!
    container.imagePullPolicy = 'IfNotPresent'
    return cluster.kubectl(['-n', inside, 'apply', '-f', '-'], JSON.stringify(object))
  }
  const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', inside, ...args])
  const list = async (kind: string, labels = '') =>
    JSON.parse(await kubectl('get', kind, '-o', 'json', '-l', labels)).items
  const get = async (kind: string, name: string, ...flags: readonly string[]) =>
    JSON.parse(await kubectl('get', kind, name, '-o', 'json', ...flags))
  const addresses = async (release: string) => {
    const slices = await list('endpointslices', `switchyard.dev/release=${release}`)
    return slices.flatMap(
      (slice: { endpoints?: { addresses: string[]; conditions: { ready?: boolean } }[] }) =>
        (slice.endpoints ?? []).flatMap((one) => (one.conditions.ready ? one.addresses : [])),
    )
  }
  /**
   * Our objects whole, but for what counts or tells when something was written (uids, versions, times, who wrote
   * which field by which verb, the place of the snapshot) and what Kubernetes gives and says itself: addresses,
   * the number of the ReplicaSet, the status. The namespace and the cluster's name are told by a word.
   */
  async function essence(): Promise<readonly { metadata: { name: string } }[]> {
    const kinds = [await list('deployments', release), await list('services', release)]
    const text = JSON.stringify(kinds.flat(), (key, value) =>
      counted.has(key) ? undefined : value,
    )
    return JSON.parse(
      text.replaceAll(`"${inside}"`, '"here"').replaceAll(`"eu-${numbers}"`, '"eu"'),
    )
  }

  const untilReady = (release: string, count: number) =>
    until(
      `${count} endpoints of ${release}`,
      () => addresses(release),
      (all) => all.length === count,
      40_000,
      100,
    )

  const workload = (
    number: number,
    { rolling, ...more }: { rolling?: Workload['rolling'] } & Record<string, unknown> = {},
  ): Workload => ({
    app: 'shop',
    release: `shop-r${number}`,
    version: `0.0.${number}`,
    kubernetes: { namespace: inside, port: demoPort, template: 'shop', image: demoImage, ...more },
    copies: 2,
    ...(rolling && { rolling }),
  })
  const adopted = (number: number, deployment: string): Workload => {
    const { image: _, ...kubernetes } = workload(number).kubernetes!
    return { ...workload(number), kubernetes: { ...kubernetes, deployment } }
  }
  const over = (...replaces: readonly string[]): NonNullable<Workload['rolling']> => ({
    replaces: [...replaces],
    maxSurge: 1,
    maxUnavailable: 0,
    minReadyMs: 0,
    progressDeadlineMs: 5_000,
    paused: false,
  })

  return {
    /** The audit log of everything that was asked of the API server. */
    auditLog: () => cluster.auditLog!,
    createNamespace: (name: string) => cluster.kubectl(['create', 'namespace', name]),
    /** The namespace and the agent's cluster of this test. */
    namespace: () => inside,
    name: () => `eu-${numbers}`,
    ...{ stage, leader, put, kubectl, list, get, addresses, essence, untilReady },
    ...{ workload, adopted, over },
  }
}
