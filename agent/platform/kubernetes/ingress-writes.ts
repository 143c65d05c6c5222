/**
 * What we write about Ingress objects: Events of what is not done or was refused, and in their status the
 * addresses at which they are served. Where a namespace has not bound the role for it neither is written, and
 * that is said once; routes do not depend on it.
 */
import { isIP } from 'node:net'
import { digestOf } from '#wire/digest.ts'
import { type KubernetesClient, pathOf } from './client.ts'
import type { IngressObject, LoadBalancer, ServiceObject } from './ingress-object.ts'
import { KubernetesError } from './kubernetes-error.ts'

export type Addresses = NonNullable<LoadBalancer['ingress']>

export interface IngressWrites {
  /** One Event for one text: whoever leads next does not say it again. */
  warn(ingress: IngressObject, reason: 'NotDone' | 'Refused', text: string): Promise<void>
  /** Writes nothing when it is there. */
  status(ingress: IngressObject, addresses: Addresses): Promise<void>
}

const noteCharsMax = 1_024
const controller = 'switchyard.dev/ingress-controller'

export function createIngressWrites(
  client: KubernetesClient,
  instance: string,
  onTrouble: (text: string) => void,
  signal: AbortSignal,
): IngressWrites {
  async function write(what: string, call: Promise<unknown>): Promise<void> {
    try {
      await call
    } catch (error) {
      // It is there, or the object is another one by now or gone.
      const over = error instanceof KubernetesError && [404, 409, 422].includes(error.status)
      if (!over && !signal.aborted) onTrouble(`${what}: ${(error as Error).message}`)
    }
  }

  return {
    async warn({ metadata: { namespace, name, uid } }, reason, text) {
      const note = text.slice(0, noteCharsMax)
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
      const path = pathOf('apis', 'events.k8s.io', 'v1', 'namespaces', namespace, 'events')
      await write(`Events in ${namespace}`, client.call({ method: 'POST', path, body, signal }))
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
      await write(`the status of Ingresses in ${namespace}`, call)
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
