/** Secrets of one namespace in the Kubernetes API: read, created, replaced at the version that was read. */
import { ApiException, CoreV1Api, type KubeConfig, type V1Secret } from '@kubernetes/client-node'
import type { SecretStore } from './init.ts'
import type { SecretData } from './secrets.ts'

const labels = {
  'app.kubernetes.io/name': 'switchyard',
  'app.kubernetes.io/component': 'init',
  'app.kubernetes.io/managed-by': 'switchyard-init',
}

export function createSecretStore(config: KubeConfig, namespace: string): SecretStore {
  const api = config.makeApiClient(CoreV1Api)

  return {
    async read(name) {
      const secret = await unless(404, api.readNamespacedSecret({ name, namespace }))
      if (!secret) return null
      return { data: decoded(secret), version: secret.metadata?.resourceVersion ?? '' }
    },
    async create(name, data) {
      const body = { metadata: { name, labels }, type: 'Opaque', stringData: { ...data } }
      return (await unless(409, api.createNamespacedSecret({ namespace, body }))) !== null
    },
    async replace(name, data, resourceVersion) {
      const metadata = { name, labels, resourceVersion }
      const body = { metadata, type: 'Opaque', stringData: { ...data } }
      return (await unless(409, api.replaceNamespacedSecret({ name, namespace, body }))) !== null
    },
  }
}

const decoded = (secret: V1Secret): SecretData =>
  Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, text]) => [
      key,
      Buffer.from(text, 'base64').toString('utf8'),
    ]),
  )

/** Null for the answer that is expected; what else fails says its status, never a body. */
async function unless<T>(expected: number, call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof ApiException)) throw error
    if (error.code === expected) return null
    throw new Error(`the Kubernetes API answered ${error.code}: ${reasonOf(error.body)}`)
  }
}

/** `message` of a Kubernetes Status; it names objects and verbs, no content. */
function reasonOf(body: unknown): string {
  try {
    const status = typeof body === 'string' ? (JSON.parse(body) as unknown) : body
    return (status as { message?: string }).message?.slice(0, 300) ?? 'no reason'
  } catch {
    return 'no reason'
  }
}
