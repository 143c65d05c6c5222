/** The one node of a lab: containerd, kubelet and kube-proxy, from their start until pods can run on it. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { addOns } from './add-ons.ts'
import { outputOf } from './command.ts'
import { weighContainers } from './control-groups.ts'
import { dnsImage, dnsName, dnsNamespace } from './dns.ts'
import { containerd, kubelet, kubeProxy, type NodePlan, pauseImage } from './node-parts.ts'
import { writeProgramImage } from './oci-archive.ts'
import { type Part, type PartPlan, untilPartsReady } from './part.ts'
import type { ProgramName } from './programs/catalogue.ts'
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
  weighContainers()
  const runtime = startPart(containerd(of))

  const ctr = (args: readonly string[], withinMs: number) =>
    outputOf(cluster.run('ctr', ['--namespace', 'k8s.io', ...args]), `ctr ${args.join(' ')}`, {
      withinMs,
    })
  const loadImage = async (archive: string) => {
    await ctr(['images', 'import', archive], loadWithinMs)
  }

  const loadProgram = async (program: ProgramName, reference: string, user?: string) => {
    const archive = join(folder, 'tmp', `${program}.tar`)
    const image = { reference, program: programs[program]!, at: program, ...(user && { user }) }
    await writeProgramImage(image, archive)
    await loadImage(archive)
    await rm(archive)
  }

  /** Pods need it before the first one; it is made while the API server starts. */
  const prepared = (async () => {
    await untilPartsReady(
      'containerd',
      [runtime],
      async () => (await ctr(['version'], 5_000)) !== '',
      containerdWithinMs,
    )
    await loadProgram('pause', pauseImage)
    // Root, because a program of anybody else gets no capability to listen on port 53.
    await loadProgram('coredns', dnsImage, '0:0')
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
      const dns = ['get', 'deployment', dnsName, '--namespace', dnsNamespace]
      const answers = async () =>
        (await cluster.kubectl([...dns, '-o', 'jsonpath={.status.readyReplicas}'])) === '1'
      await untilPartsReady('DNS', parts, answers, readyWithinMs, signal)
    },
  }
}
