/**
 * An agent that leads, without the rest of it: the platform `kubernetes` with the Lease, as the account that the
 * manifests give, and the namespaces that opted in.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import { createKubernetesPlatform } from '../../agent/platform/kubernetes/kubernetes.ts'
import {
  type Permission,
  permissions,
} from '../../agent/platform/kubernetes/workloads/permissions.ts'
import { workloadsTiming } from '../../agent/platform/kubernetes/workloads/workloads.ts'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import type { Cluster } from './start-cluster.ts'

export interface Leader {
  rolling(): readonly RollingReport[]
  troubles(): readonly TroubleReport[]
  apply(revision: number, ...workloads: readonly Workload[]): Promise<string>
  close(): Promise<void>
}

/** Not lost on a machine that is busy for some seconds: what was applied is not applied again by itself here. */
export const longLeaseMs = 20_000
export const agents = 'switchyard'

export function startLeader({
  kubeconfig,
  name,
  agent = 'a',
  leaseMs = longLeaseMs,
}: {
  readonly kubeconfig: string
  readonly name: string
  readonly agent?: string
  readonly leaseMs?: number
}): Leader {
  const { signal } = new AbortController()
  let rolling: readonly RollingReport[] = []
  let troubles: readonly TroubleReport[] = []
  const platform = createKubernetesPlatform({
    kubeconfig,
    cluster: name,
    log: () => {},
    workloadsTiming: {
      ...workloadsTiming,
      leaseMs,
      renewEveryMs: leaseMs / 6,
      orphanMs: 1_000,
    },
  })
  platform.follow({
    onEndpoints: () => {},
    onReplacements(next) {
      rolling = next
    },
    onTroubles(next) {
      troubles = next
    },
    onTrouble: (text) => console.log(`trouble: ${text}`),
  })
  const workloads = platform.workloads!
  // As an agent does it: renewed for as long as it lives.
  const renewing = setInterval(() => void workloads.acquire(agent, signal).catch(() => {}), 500)
  return {
    rolling: () => rolling,
    troubles: () => troubles,
    async apply(revision, ...wanted) {
      await until(
        'the lease',
        () => workloads.acquire(agent, signal),
        (held) => held,
      )
      const backends = wanted.map((one) => ({ ...one, platform: 'kubernetes' as const }))
      platform.setBackends(backends, wanted)
      return workloads.apply(agent, { epoch: 1, revision, workloads: wanted }, signal)
    },
    close() {
      clearInterval(renewing)
      return platform.close()
    },
  }
}

/** A namespace that has opted in. */
export async function optIn(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.kubectl(['create', 'namespace', namespace])
  await cluster.kubectl(['label', 'namespace', namespace, 'switchyard.dev/managed=true'])
  await grant(cluster, 'Role', namespace, permissions.workloads)
}

/** The agents' account with what they are granted, and nothing else. */
export async function makeAccount(cluster: Cluster): Promise<string> {
  const { lease, namespaces } = permissions
  const slices = {
    apiGroup: 'discovery.k8s.io',
    resource: 'endpointslices',
    verbs: ['list', 'watch'],
  }
  await cluster.kubectl(['create', 'namespace', agents])
  await cluster.kubectl(['-n', agents, 'create', 'serviceaccount', 'agent'])
  await grant(cluster, 'Role', agents, lease)
  await grant(cluster, 'ClusterRole', null, [...namespaces, slices])
  const token = (await cluster.kubectl(['-n', agents, 'create', 'token', 'agent'])).trim()
  const kubeconfig = parse(readFileSync(cluster.kubeconfig, 'utf8'))
  const user = { name: 'agent', user: { token } }
  const [context] = kubeconfig.contexts
  const file = join(cluster.folder, 'agent.kubeconfig')
  const contexts = [
    { name: 'agent', context: { ...context.context, user: 'agent', namespace: agents } },
  ]
  const own = { ...kubeconfig, users: [user], contexts, 'current-context': 'agent' }
  writeFileSync(file, stringify(own), { mode: 0o600 })
  return file
}

export async function grant(
  cluster: Cluster,
  kind: 'Role' | 'ClusterRole',
  namespace: string | null,
  list: readonly Permission[],
): Promise<void> {
  const rules = list.map(({ apiGroup, resource, verbs }) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs,
  }))
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const metadata = { name: 'switchyard', ...(namespace !== null && { namespace }) }
  const role = { apiVersion, kind, metadata, rules }
  const binding = {
    apiVersion,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'switchyard' },
    subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace: agents }],
  }
  const items = { apiVersion: 'v1', kind: 'List', items: [role, binding] }
  await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(items))
}
