/**
 * The stage of the story on Kubernetes: a lab of one node, control and two agents in its network, the lab's demo
 * application as pods, and the load generator beside the agents. Everything is gone after `close`.
 */
import type { ReleaseView } from '#wire/release.ts'
import { defaultPlan, type LoadPlan, type Target } from '../../bench/load/plan.ts'
import { type Load, startLoad } from '../../bench/load.ts'
import type { AppInput, ReleaseInput } from '../../deploy/local/control-client.ts'
import { untilPhase } from '../../deploy/local/until.ts'
import { demoDeployment, demoPort, loadDemoImage } from '../lab/demo-image.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { request, type ShopAnswer } from '../stage.ts'
import { clusterName, type LabFleet, startLabFleet } from './lab-fleet.ts'

/** Opted in; the one where everything happens that has no reason to be elsewhere. */
export const namespace = 'shop'

export interface KubernetesStage {
  readonly cluster: Cluster
  readonly fleet: LabFleet
  apply(...objects: readonly object[]): Promise<void>
  /** One object, or a list of them with its items; throws when it is not there. */
  read<Seen = KubernetesObject>(...args: readonly string[]): Promise<Seen>
  /** An app with one host, `<app>.example`, and a template of the same name that runs nothing itself. */
  putApp(app: string, plan?: AppPlan): Promise<void>
  /** Starts a release and waits until it can be promoted, or, with `autoPromote`, until it is live. */
  release(intent: ReleaseInput, withinMs?: number): Promise<ReleaseView>
  load(app: string, plan?: Partial<LoadPlan>): Promise<Load>
  /** One GET through the named agent. */
  get(agent: string, app: string, path?: string): Promise<ShopAnswer>
  /** Reached from the machine, for exchanges that a test holds open itself. */
  targets(): Target[]
  close(): Promise<void>
}

export interface AppPlan {
  readonly intent?: Partial<AppInput>
  /** Environment of the template's container. */
  readonly env?: Readonly<Record<string, string>>
}

export interface KubernetesObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly creationTimestamp: string
  }
  readonly spec: { readonly replicas?: number; readonly paused?: boolean }
  readonly status: { readonly readyReplicas?: number; readonly replicas?: number }
}

/** What pods are made of: the version that answers is that of the image. `never` is never ready. */
export const imageOf = (version: string): string => `lab/demo:${version}`
const images: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '1': { VERSION: '1' },
  '2': { VERSION: '2' },
  '3': { VERSION: '3' },
  never: { VERSION: 'never', READY: 'never' },
}
/** Nobody listens there, so that a pull fails at once. */
export const missingImage = '127.0.0.1:9/shop:missing'

export async function openStage(say: (line: string) => void): Promise<KubernetesStage> {
  const cluster = await startCluster({ name: 'story', say })
  const loads = new Set<Load>()
  let fleet: LabFleet | null = null
  const close = async () => {
    for (const load of loads) load.kill()
    await fleet?.stop()
    await cluster.stop()
  }
  try {
    for (const [version, env] of Object.entries(images)) {
      await loadDemoImage(cluster, imageOf(version), env)
    }
    await cluster.kubectl(['create', 'namespace', namespace])
    await cluster.kubectl(['label', 'namespace', namespace, 'switchyard.dev/managed=true'])
    fleet = await startLabFleet(cluster, 2)
    return { ...stageOf(cluster, fleet, loads), close }
  } catch (error) {
    await close()
    throw error
  }
}

function stageOf(
  cluster: Cluster,
  fleet: LabFleet,
  loads: Set<Load>,
): Omit<KubernetesStage, 'close'> {
  const { client } = fleet
  const inside = Object.entries(fleet.agents).map(
    ([name, { listen }]): Target => ({ name, host: '127.0.0.1', port: listen }),
  )
  const apply = async (...items: readonly object[]) => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
    await cluster.kubectl(['apply', '--namespace', namespace, '-f', '-'], list)
  }
  return {
    cluster,
    fleet,
    apply,
    async read(...args) {
      const text = await cluster.kubectl(['get', '--namespace', namespace, '-o', 'json', ...args])
      return JSON.parse(text)
    },
    async putApp(app, { intent = {}, env = {} } = {}) {
      await apply(templateOf(app, env))
      const shop = {
        clusters: [clusterName],
        hosts: [`${app}.example`],
        platform: { type: 'kubernetes', namespace, port: demoPort },
        ...intent,
      } satisfies AppInput
      await client.putApp(app, shop, { wait: 'active', timeoutMs: 15_000 })
    },
    async release(intent, withinMs = 40_000) {
      const { id } = await client.createRelease(intent)
      return untilPhase(client, id, intent.autoPromote ? 'live' : 'ready', withinMs)
    },
    async load(app, changes = {}) {
      const plan = { ...defaultPlan, targets: inside, authority: `${app}.example`, ...changes }
      const load = await startLoad(plan, cluster.run)
      loads.add(load)
      return load
    },
    get: (agent, app, path = '/') => request(fleet.outside[agent]!, `${app}.example`, path),
    targets: () =>
      Object.entries(fleet.outside).map(([name, port]) => ({ name, host: '127.0.0.1', port })),
  }
}

/** Its image says the version, and may be pulled, so that a missing one fails as it does for users. */
function templateOf(app: string, env: Readonly<Record<string, string>>) {
  const template = demoDeployment({ name: app, replicas: 0, env })
  const [container] = template.spec.template.spec.containers
  Object.assign(container!, { imagePullPolicy: 'IfNotPresent' })
  return template
}
