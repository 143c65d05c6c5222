/** One cluster of the story: what chapters look at and change in it, by kubectl. */
import { untilInstalled } from './install.ts'
import type { Place } from './place.ts'
import { type AgentPod, namespace, type StoryCluster, systemNamespace } from './story-stage.ts'
import { watchObjects } from './watch.ts'

export function storyCluster(name: string, place: Place): StoryCluster {
  const { kubectl } = place
  return {
    name,
    lab: place.lab,
    kubectl,
    async apply(...items) {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
      await kubectl(['apply', '--namespace', namespace, '-f', '-'], list)
    },
    async read(...args) {
      return JSON.parse(await kubectl(['get', '--namespace', namespace, '-o', 'json', ...args]))
    },
    watch: (args, onEvent) =>
      watchObjects(place.launchKubectl, ['--namespace', namespace, ...args], onEvent),
    agents: () => agentsOf(place),
    async leader() {
      const path = 'jsonpath={.spec.holderIdentity}'
      const lease = [
        'get',
        'lease',
        `switchyard-${name}`,
        '-n',
        systemNamespace,
        '--ignore-not-found',
      ]
      return (await kubectl([...lease, '-o', path])) || null
    },
    untilAgentsReady: () => untilInstalled(place),
  }
}

interface Pods {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string
      readonly uid: string
      readonly deletionTimestamp?: string
    }
    readonly status: {
      readonly podIP?: string
      readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    }
  }[]
}

async function agentsOf({ kubectl }: Place): Promise<readonly AgentPod[]> {
  const selector = ['-l', 'app.kubernetes.io/component=agent']
  const text = await kubectl(['get', 'pods', '-n', systemNamespace, ...selector, '-o', 'json'])
  return (JSON.parse(text) as Pods).items
    .filter(({ metadata, status }) => !metadata.deletionTimestamp && status.podIP)
    .map(({ metadata: { name, uid }, status: { podIP, conditions = [] } }) => ({
      ...{ name, uid, address: podIP! },
      ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    }))
}

/** What a reader wants to see who was not there. */
export async function tailsOf(name: string, place: Place): Promise<string> {
  const look = (...args: readonly string[]) => place.kubectl(args).catch(String)
  const kinds = 'deployments,replicasets,pods,services,endpointslices'
  const logs = [
    'logs',
    '-n',
    systemNamespace,
    '-l',
    'app.kubernetes.io/name=switchyard',
    '--tail=40',
  ]
  return [
    `===== ${name}`,
    await look('get', 'pods', '-n', systemNamespace, '-o', 'wide'),
    await look('get', kinds, '-n', namespace, '--show-labels'),
    endOf(await look('events', '-n', systemNamespace)),
    endOf(await look('events', '-n', namespace)),
    ...(await countsOf(place).catch((error: unknown) => [String(error)])),
    await look(...logs, '--prefix', '--all-containers', '--max-log-requests=20'),
  ].join('\n')
}

const endOf = (text: string) => text.trimEnd().split('\n').slice(-40).join('\n')

/** Endpoints, failures and what else each agent counts. */
async function countsOf(place: Place): Promise<readonly string[]> {
  const counts = (await agentsOf(place)).map(async ({ name }) => {
    const path = `/api/v1/namespaces/${systemNamespace}/pods/${name}:8082/proxy/metrics`
    const text = await place.kubectl(['get', '--raw', path])
    const own = text.split('\n').filter((line) => /^switchyard_agent_[a-z_]+(\{| )/.test(line))
    return [name, ...own.filter((line) => !/_bucket|_sum/.test(line))].join('\n')
  })
  return Promise.all(counts)
}
