/** The one node of a lab: containerd, kubelet and kube-proxy, from their start until pods can run on it. */
import { join } from 'node:path'
import { addOns } from './add-ons.ts'
import { outputOf } from './command.ts'
import { containerd, kubelet, kubeProxy, type NodePlan, pauseImage } from './node-parts.ts'
import { writeProgramImage } from './oci-archive.ts'
import { type Part, type PartPlan, untilPartsReady } from './part.ts'
import type { Cluster } from './start-cluster.ts'

export interface LabNode {
  /** The API server must answer by now. */
  untilReady(signal?: AbortSignal): Promise<void>
  loadImage(archive: string): Promise<void>
}

const containerdWithinMs = 60_000
const readyWithinMs = 120_000
const loadWithinMs = 300_000

export function openNode(
  of: NodePlan & {
    readonly cluster: Omit<Cluster, 'stop'>
    readonly startPart: (plan: PartPlan) => Part
  },
): LabNode {
  const { cluster, folder, plan, programs, startPart } = of
  const runtime = startPart(containerd(of))

  const ctr = (args: readonly string[], withinMs: number) =>
    outputOf(cluster.run('ctr', ['--namespace', 'k8s.io', ...args]), `ctr ${args.join(' ')}`, {
      withinMs,
    })
  const loadImage = async (archive: string) => {
    await ctr(['images', 'import', archive], loadWithinMs)
  }

  /** Pods need it before the first one; it is made while the API server starts. */
  const prepared = (async () => {
    await untilPartsReady(
      'containerd',
      [runtime],
      async () => (await ctr(['version'], 5_000)) !== '',
      containerdWithinMs,
    )
    const archive = join(folder, 'tmp/pause.tar')
    const image = { reference: pauseImage, program: programs.pause!, at: 'pause' }
    await writeProgramImage(image, archive)
    await loadImage(archive)
  })()
  prepared.catch(() => {})

  return {
    loadImage,
    async untilReady(signal) {
      await prepared
      const parts = [startPart(kubelet(of)), startPart(kubeProxy(of)), runtime]
      await cluster.kubectl(
        ['apply', '--server-side', '-f', '-'],
        JSON.stringify(addOns(plan, folder)),
      )
      const path = '{.status.conditions[?(@.type=="Ready")].status}'
      const ready = async () =>
        (await cluster.kubectl(['get', 'node', plan.name, '-o', `jsonpath=${path}`])) === 'True' &&
        (await cluster.kubectl(['get', 'serviceaccount', 'default', '-o', 'name'])) !== ''
      await untilPartsReady('the node', parts, ready, readyWithinMs, signal)
    },
  }
}
