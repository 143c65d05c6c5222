/**
 * What we write about Ingress objects: Events of what is not done or was refused, and in their status the
 * addresses at which they are served. Where a namespace has not bound the role for it neither is written, and
 * that is said once; routes do not depend on it.
 */
import { isIP } from 'node:net'
import { digestOf } from '#wire/digest.ts'
import { type KubernetesClient, pathOf } from '../api/client.ts'
import { KubernetesError } from '../api/kubernetes-error.ts'
import type { IngressObject, LoadBalancer, ServiceObject } from './object.ts'
import { notesOf } from './told.ts'

export type Addresses = NonNullable<LoadBalancer['ingress']>

export interface IngressWrites {
  /**
   * In as many Events as it takes. The same sentences make the same Events: whoever leads next does not say them
   * again. False: not all could be written.
   */
  warn(
    ingress: IngressObject,
    reason: 'NotDone' | 'Refused' | 'Conflict',
    sentences: readonly string[],
  ): Promise<boolean>
  /** Writes nothing when it is there. */
  status(ingress: IngressObject, addresses: Addresses): Promise<void>
}

const controller = 'switchyard.dev/ingress-controller'

export function createIngressWrites(
  client: KubernetesClient,
  instance: string,
  onTrouble: (text: string) => void,
  signal: AbortSignal,
): IngressWrites {
  /** False: it could not be done. `isOver`: it is there, or the object is another one by now or gone. */
  async function write(
    what: string,
    call: Promise<unknown>,
    isOver: (status: number) => boolean,
  ): Promise<boolean> {
    try {
      await call
      return true
    } catch (error) {
      if (error instanceof KubernetesError && isOver(error.status)) return true
      if (!signal.aborted) onTrouble(`${what}: ${(error as Error).message}`)
      return false
    }
  }

  return {
    async warn({ metadata: { namespace, name, uid } }, reason, sentences) {
      const path = pathOf('apis', 'events.k8s.io', 'v1', 'namespaces', namespace, 'events')
      for (const note of notesOf(sentences)) {
        const body = {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: {
            name: `${name.slice(0, 200)}.${digestOf([uid, reason, note]).slice(0, 16)}`,
            namespace,
          },
          eventTime: new Date().toISOString().replace('Z', '000Z'),
          reportingController: controller,
          reportingInstance: instance.slice(0, 128),
          type: 'Warning',
          reason,
          action: 'Translate',
          note,
          regarding: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace, name, uid },
        }
        const call = client.call({ method: 'POST', path, body, signal })
        const written = await write(`Events in ${namespace}`, call, (status) => status === 409)
        if (!written) return false
      }
      return true
    },
    async status({ metadata: { namespace, name, uid }, status }, addresses) {
      if (sameAddresses(status?.loadBalancer?.ingress ?? [], addresses)) return
      const path = pathOf(
        'apis',
        'networking.k8s.io',
        'v1',
        'namespaces',
        namespace,
        'ingresses',
        name,
        'status',
      )
      const call = client.call({
        method: 'PATCH',
        path,
        query: { fieldManager: 'switchyard' },
        contentType: 'application/merge-patch+json',
        // Not that of another object of this name.
        body: { metadata: { uid }, status: { loadBalancer: { ingress: addresses } } },
        signal,
      })
      await write(`the status of Ingresses in ${namespace}`, call, (status) =>
        [404, 409, 422].includes(status),
      )
    },
  }
}

/** What the operator has named; of a Service, what its load balancer has by now. */
export function addressesOf(
  asked: readonly string[],
  service: (namespace: string, name: string) => ServiceObject | undefined,
): Addresses {
  return asked.flatMap((text): Addresses => {
    const [, namespace, name] = /^service\/([^/]+)\/([^/]+)$/.exec(text) ?? []
    if (namespace !== undefined && name !== undefined) {
      return service(namespace, name)?.status?.loadBalancer?.ingress ?? []
    }
    return isIP(text) === 0
      ? [{ ip: undefined, hostname: text }]
      : [{ ip: text, hostname: undefined }]
  })
}

const sameAddresses = (one: Addresses, other: Addresses): boolean =>
  one.length === other.length &&
  one.every(({ ip, hostname }, n) => ip === other[n]!.ip && hostname === other[n]!.hostname)
