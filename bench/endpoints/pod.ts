/**
 * A pilot as in a pod: its service account is where the kubelet puts it, in a mount namespace of its own. For
 * who is not root, or has no token to put there, it goes by the kubeconfig instead.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { AgentConfig } from '../../agent/config.ts'
import { openAccess } from '../../agent/platform/kubernetes/api/access.ts'
import { pilotNodeArgs } from '../../agent/supervisor.ts'

export interface Pod {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  remove(): void
}

const script = resolve(import.meta.dirname, '../../agent/pilot/pilot.ts')
const enter =
  'mount -t tmpfs tmpfs /run && at=/var/run/secrets/kubernetes.io && mkdir -p $at && cp -r "$0" $at/serviceaccount && exec "$@"'

/** Null: it cannot be. */
export async function podOf(kubeconfig: string): Promise<Pod | null> {
  const { server, namespace, current } = await openAccess(kubeconfig)
  const { secure, headers } = await current()
  const token = /^Bearer (.+)$/.exec(String(headers.Authorization ?? ''))?.[1]
  if (process.getuid?.() !== 0 || token === undefined || secure.ca === undefined) return null
  const folder = mkdtempSync(join(tmpdir(), 'swy-bench-pod-'))
  const files = { token, namespace, 'ca.crt': String(secure.ca) }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const { hostname, port } = new URL(server)
  return {
    folder,
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port || '443' },
    remove: () => rmSync(folder, { recursive: true }),
  }
}

export function forkPilot(config: AgentConfig, pod: Pod | null): ChildProcess {
  const pilot = [process.execPath, ...pilotNodeArgs, script, JSON.stringify(config)]
  const [file, ...args] = pod
    ? ['unshare', '--mount', 'sh', '-c', enter, pod.folder, ...pilot]
    : pilot
  return spawn(file!, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...pod?.env },
  })
}
