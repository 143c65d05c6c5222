/**
 * Where the API server is, and who we are to it. In a pod that is three files and two variables, and reading
 * them costs nothing. Everywhere else it is a kubeconfig, with its exec plugins, client certificates and
 * proxies: `@kubernetes/client-node` knows all of these, and is loaded only then, because the models of every
 * kind of object that it brings along take 70 MB.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type * as http from 'node:http'
import type * as https from 'node:https'
import { join } from 'node:path'

export interface Access {
  /** Without a slash at its end. */
  readonly server: string
  /** Our own: of the pod, or the kubeconfig's context. */
  readonly namespace: string
  /** Asked before each call: tokens and certificates are renewed while we run. */
  current(): Promise<Credentials>
}

export interface Credentials {
  readonly secure: https.AgentOptions
  readonly headers: http.OutgoingHttpHeaders
  readonly auth: string | undefined
  /** Of a kubeconfig that names a proxy: the way through it. */
  readonly through: http.Agent | undefined
}

/** Where the kubelet puts a pod's service account, and what it tells every container of the API server. */
export interface PodAccount {
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const podAccount: PodAccount = {
  folder: '/var/run/secrets/kubernetes.io/serviceaccount',
  env: process.env,
}

/** `kubeconfig` null: the pod's own service account, or else what `KUBECONFIG` or `~/.kube/config` says. */
export async function openAccess(
  kubeconfig: string | null,
  pod: PodAccount = podAccount,
): Promise<Access> {
  const isPod = kubeconfig === null && existsSync(join(pod.folder, 'token'))
  return isPod ? accessOfPod(pod) : accessByKubeconfig(kubeconfig)
}

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
async function accessOfPod({ folder, env }: PodAccount): Promise<Access> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (!host || !port) {
    throw new Error(
      `${folder} is there, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: name a kubeconfig`,
    )
  }
  const read = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim()
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: await read('namespace'),
    async current() {
      const [ca, token] = await Promise.all([read('ca.crt'), read('token')])
      const headers = { authorization: `Bearer ${token}` }
      return { secure: { ca }, headers, auth: undefined, through: undefined }
    },
  }
}

async function accessByKubeconfig(file: string | null): Promise<Access> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  if (file === null) config.loadFromDefault()
  else config.loadFromFile(file)
  const cluster = config.getCurrentCluster()
  if (!cluster) {
    const where = file ?? 'KUBECONFIG'
    throw new Error(`${where} has no current context with a cluster: kubectl config use-context`)
  }
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    async current() {
      const options: https.RequestOptions = {}
      await config.applyToHTTPSOptions(options as Parameters<typeof config.applyToHTTPSOptions>[0])
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options
      return {
        secure: { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername },
        headers: (options.headers ?? {}) as http.OutgoingHttpHeaders,
        auth: options.auth ?? undefined,
        through: cluster.proxyUrl ? (options.agent as http.Agent) : undefined,
      }
    },
  }
}
