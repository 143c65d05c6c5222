/**
 * The platform `kubernetes`: endpoints are followed from EndpointSlices by every agent, workloads are applied by
 * the one that holds the Lease. The client's library is loaded beside the pilot's start, not before it; a
 * kubeconfig that is missing or wrong is waited for like a server that is away.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { type BackoffBounds, backoffMs } from '../../backoff.ts'
import { reasonOf } from '../../reason.ts'
import type { Platform, PlatformListener, Workloads } from '../platform.ts'
import { createKubernetesClient, type KubernetesClient } from './api/client.ts'
import type { ListWatchTiming } from './api/list-watch.ts'
import {
  type EndpointsTiming,
  type FollowedEndpoints,
  followedEndpoints,
} from './endpoints/followed-endpoints.ts'
import { type IngressKeeperOptions, keepIngresses } from './ingress/keeper.ts'
import { clusterOf } from './workloads/cluster-client.ts'
import { watchDeployments } from './workloads/deployment-watch.ts'
import {
  type ClusterWorkloads,
  createWorkloads,
  type WorkloadsTiming,
} from './workloads/workloads.ts'

export interface KubernetesOptions {
  /** Null: the pod's own service account, or else what `KUBECONFIG` names. */
  readonly kubeconfig: string | null
  /** Switchyard's name of the cluster. */
  readonly cluster: string
  readonly log: Say
  readonly timing?: ListWatchTiming
  /** The agent's name and what it was told of Ingress objects; left out: they are none of its business. */
  readonly ingress?: Pick<IngressKeeperOptions, 'name' | 'classes' | 'addresses' | 'timing'>
  readonly workloadsTiming?: WorkloadsTiming
  readonly endpointsTiming?: EndpointsTiming
}

const openAgain: BackoffBounds = { firstMs: 500, mostMs: 10_000 }

export function createKubernetesPlatform(options: KubernetesOptions): Platform {
  const { kubeconfig, cluster, log, timing, ingress, endpointsTiming } = options
  const closing = new AbortController()
  let backends: Parameters<Platform['setBackends']> | null = null
  let endpoints: FollowedEndpoints | null = null
  let workloads: ClusterWorkloads | null = null
  let following: Promise<void> = Promise.resolve()
  let keeping: Promise<void> = Promise.resolve()
  const opened = Promise.withResolvers<KubernetesClient | null>()

  return {
    follow(listener) {
      endpoints = followedEndpoints(cluster, listener, log, {
        ...(timing && { watch: timing }),
        ...endpointsTiming,
      })
      if (backends) endpoints.setBackends(...backends)
      following = openClient(kubeconfig, listener.onTrouble, closing.signal).then(
        async (client) => {
          opened.resolve(client)
          if (!client) return
          workloads = workloadsOf(client, listener, options)
          await endpoints?.follow(client, closing.signal)
          await keeping
          await workloads.close()
          client.close()
        },
      )
    },
    setBackends(...next) {
      backends = next
      endpoints?.setBackends(...next)
    },
    pods: () => endpoints?.pods() ?? new Map(),
    ingresses: ingress
      ? {
          keep(desk, isHolder) {
            keeping = opened.promise.then(async (client) => {
              if (!client) return
              const told = { client, desk, isHolder, log, ...(timing && { watchTiming: timing }) }
              await keepIngresses({ ...ingress, ...told }, closing.signal)
            })
          },
        }
      : null,
    workloads: whenThere(() => workloads),
    async close() {
      closing.abort()
      await following
    },
  }
}

function workloadsOf(
  client: KubernetesClient,
  { onReplacements, onTroubles, onTrouble }: PlatformListener,
  { cluster, log, workloadsTiming }: KubernetesOptions,
): ClusterWorkloads {
  return createWorkloads({
    cluster: clusterOf(client),
    name: cluster,
    namespace: client.namespace,
    watch: watchDeployments(client),
    onReplacements,
    onTroubles,
    onTrouble,
    log,
    ...(workloadsTiming && { timing: workloadsTiming }),
  })
}

/** Nobody holds a Lease before there is a way to it. */
const whenThere = (workloads: () => Workloads | null): Workloads => ({
  acquire: async (holder, signal) => (await workloads()?.acquire(holder, signal)) ?? false,
  apply: async (...args) => (await workloads()?.apply(...args)) ?? 'not-holder',
})

/** Null: the platform was closed before. */
async function openClient(
  kubeconfig: string | null,
  onTrouble: (text: string) => void,
  signal: AbortSignal,
): Promise<KubernetesClient | null> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await createKubernetesClient(kubeconfig)
    } catch (error) {
      if (attempt === 1) onTrouble(`the way to Kubernetes is not known: ${reasonOf(error)}`)
      const pauseMs = backoffMs(attempt, openAgain, Math.random())
      await delay(pauseMs, undefined, { signal }).catch(() => {})
    }
  }
  return null
}
