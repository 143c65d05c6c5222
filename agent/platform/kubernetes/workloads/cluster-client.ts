/** The port `Cluster` over HTTP: paths, media types, and which refusals of the API server are values. */
import { z } from 'zod'
import { type KubernetesClient, pathOf } from '../api/client.ts'
import { KubernetesError } from '../api/kubernetes-error.ts'
import { type Answer, type Cluster, type Fault, type Kind, kinds, type Ref } from './cluster.ts'
import { fieldManager } from './labels.ts'

const pageObjects = 500
/** Of one kind in one namespace: more are not read, and it is said. */
const objectsMax = 10_000

const page = z.object({
  metadata: z.object({ continue: z.string().optional() }),
  items: z.array(z.unknown()),
})

const mediaTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
} as const

export function clusterOf(client: KubernetesClient): Cluster {
  return {
    async list(kind, namespace, { labels, countMax = objectsMax }, signal) {
      const items: unknown[] = []
      let next: string | undefined
      do {
        const limit = Math.min(pageObjects, countMax)
        const query = { labelSelector: labels, limit, continue: next }
        const path = collection(kind, namespace)
        const answer = await valued(client.call({ method: 'GET', path, query, signal }))
        if (!answer.ok) return answer
        const { metadata, items: more } = page.parse(answer.value)
        items.push(...more)
        next = metadata.continue || undefined
        if (next !== undefined && items.length >= objectsMax) {
          throw new Error(`${path} has more than ${objectsMax} objects`)
        }
      } while (next !== undefined && items.length < countMax)
      return { ok: true, value: items }
    },
    get: (ref, signal) => valued(client.call({ method: 'GET', path: one(ref), signal })),
    create: (body, signal) =>
      valued(
        client.call({
          method: 'POST',
          path: collection(body.kind, body.metadata.namespace),
          query: { fieldManager },
          body,
          signal,
        }),
      ),
    patch: (ref, type, resourceVersion, body, signal) =>
      valued(
        client.call({
          method: 'PATCH',
          path: one(ref),
          // By force: what others have is not in the body, unless it was asked for anew.
          query: { fieldManager, ...(type === 'apply' && { force: true }) },
          contentType: mediaTypes[type],
          body: { ...body, metadata: { ...(body.metadata as object), resourceVersion } },
          signal,
        }),
      ),
    async delete(ref, preconditions, signal) {
      // A Service owns nothing that has to go first.
      const propagationPolicy = ref.kind === 'Deployment' ? 'Foreground' : 'Background'
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions }
      const answer = await valued(client.call({ method: 'DELETE', path: one(ref), body, signal }))
      return answer.ok ? { ok: true, value: null } : answer
    },
  }
}

function collection(kind: Kind, namespace: string | null): string {
  const { apiVersion, plural } = kinds[kind]
  const group = apiVersion.includes('/') ? ['apis', ...apiVersion.split('/')] : ['api', apiVersion]
  return pathOf(...group, ...(namespace === null ? [] : ['namespaces', namespace]), plural)
}

const one = ({ kind, namespace, name }: Ref): string =>
  `${collection(kind, namespace)}/${encodeURIComponent(name)}`

async function valued(call: Promise<unknown>): Promise<Answer<unknown>> {
  try {
    return { ok: true, value: await call }
  } catch (error) {
    const code = error instanceof KubernetesError ? codeOf(error) : null
    if (code === null) throw error
    return { ok: false, code, message: (error as Error).message }
  }
}

function codeOf({ status, message }: KubernetesError): Fault['code'] | null {
  switch (status) {
    case 403:
      return 'forbidden'
    case 404:
      return 'not-found'
    case 409:
      return message.includes('AlreadyExists') ? 'exists' : 'conflict'
    case 400:
    case 413:
    case 422:
      return 'invalid'
    default:
      return null
  }
}
