/** A Kubernetes to measure in: the one that `KUBECONFIG` names, or a control plane of our own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type Pod, podOf } from './pod.ts'

export interface MeasuredCluster {
  readonly kubeconfig: string
  /** What an agent's pod would have there; null: agents go by the kubeconfig. */
  readonly pod: Pod | null
  stop(): Promise<void>
}

const script = resolve(import.meta.dirname, '../../test/lab/cluster.ts')

export async function openCluster(): Promise<MeasuredCluster> {
  const { kubeconfig, stop } = await found()
  const pod = await podOf(kubeconfig)
  return {
    kubeconfig,
    pod,
    async stop() {
      pod?.remove()
      await stop()
    },
  }
}

async function found(): Promise<Omit<MeasuredCluster, 'pod'>> {
  const given = process.env.KUBECONFIG
  if (given) return { kubeconfig: given, async stop() {} }
  const child = spawn(process.execPath, [script, 'start', '--name', 'bench', '--no-nodes'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const kubeconfig = /export KUBECONFIG=(\S+)/.exec(line)?.[1]
    if (!kubeconfig) {
      console.log(line)
      continue
    }
    child.stdout.resume()
    return {
      kubeconfig,
      async stop() {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      },
    }
  }
  throw new Error('the cluster did not start: run `npm run cluster -- --no-nodes` to see why')
}
