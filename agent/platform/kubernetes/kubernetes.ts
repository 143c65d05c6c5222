/**
 * The platform `kubernetes`: endpoints are followed from EndpointSlices by every agent. The client's library is
 * loaded beside the pilot's start, not before it; a kubeconfig that is missing or wrong is waited for like a
 * server that is away.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { type BackoffBounds, backoffMs } from '../../backoff.ts'
import { reasonOf } from '../../reason.ts'
import type { Platform } from '../platform.ts'
import { createKubernetesClient, type KubernetesClient } from './client.ts'
import { type FollowedEndpoints, followedEndpoints } from './endpoints.ts'
import { type IngressKeeperOptions, keepIngresses } from './ingress-keeper.ts'
import type { ListWatchTiming } from './list-watch.ts'

export interface KubernetesOptions {
  /** Null: the pod's own service account, or else what `KUBECONFIG` names. */
  readonly kubeconfig: string | null
  /** Switchyard's name of the cluster. */
  readonly cluster: string
  readonly log: Say
  readonly timing?: ListWatchTiming
  /** The agent's name and what it was told of Ingress objects; left out: they are none of its business. */
  readonly ingress?: Pick<IngressKeeperOptions, 'name' | 'classes' | 'addresses' | 'timing'>
}

const openAgain: BackoffBounds = { firstMs: 500, mostMs: 10_000 }

export function createKubernetesPlatform(options: KubernetesOptions): Platform {
  const { kubeconfig, cluster, log, timing, ingress } = options
  const closing = new AbortController()
  let backends: Parameters<Platform['setBackends']> | null = null
  let endpoints: FollowedEndpoints | null = null
  let following: Promise<void> = Promise.resolve()
  let keeping: Promise<void> = Promise.resolve()
  const opened = Promise.withResolvers<KubernetesClient | null>()

  return {
    follow(listener) {
      endpoints = followedEndpoints(cluster, listener, log, timing)
      if (backends) endpoints.setBackends(...backends)
      following = openClient(kubeconfig, listener.onTrouble, closing.signal).then(
        async (client) => {
          opened.resolve(client)
          if (!client) return
          await endpoints?.follow(client, closing.signal)
          await keeping
          client.close()
        },
      )
    },
    setBackends(...next) {
      backends = next
      endpoints?.setBackends(...next)
    },
    podOf: (release, endpoint) => endpoints?.podOf(release, endpoint) ?? null,
    workloads: null,
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
    async close() {
      closing.abort()
      await following
    },
  }
}

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
