/** Labs as places of the story: two of one node each, joined, with the images made here. */
import { spawn } from 'node:child_process'
import { loadCommand } from '../../bench/load.ts'
import { joinClusters, type Link } from '../lab/join.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { openGate } from './gate.ts'
import { buildProduct, loadNats, loadShop } from './images.ts'
import type { Place } from './place.ts'

export interface Labs {
  readonly places: readonly Place[]
  readonly link: Link
}

const addresses = [
  { name: 'story-eu' },
  { name: 'story-us', podCidr: '10.245.0.0/24', nodeAddress: '10.99.1.1' },
] as const

export async function openLabs(say: (line: string) => void): Promise<Labs> {
  const archives = await buildProduct(say)
  const opened = await Promise.allSettled(addresses.map((plan) => startCluster({ ...plan, say })))
  const labs = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason
    const [home, other] = labs as [Cluster, Cluster]
    await Promise.all(labs.map((lab) => furnish(lab, archives)))
    await loadNats(home)
    return { places: labs.map(placeOf), link: await joinClusters(home, other) }
  } catch (error) {
    await Promise.all(labs.map((lab) => lab.stop()))
    throw error
  }
}

async function furnish(lab: Cluster, archives: readonly string[]): Promise<void> {
  for (const archive of archives) await lab.loadImage(archive)
  await loadShop(lab)
}

function placeOf(lab: Cluster): Place {
  const gate = openGate(lab.run)
  const opened = new Map<string, Promise<number>>()
  const open = (host: string, port: number) => {
    const key = `${host}:${port}`
    const found = opened.get(key) ?? gate.open(host, port)
    opened.set(key, found)
    return found
  }
  return {
    lab,
    kubectl: lab.kubectl,
    launchKubectl: (args, options) =>
      spawn(lab.programs.kubectl!, args, {
        ...options,
        env: { ...process.env, KUBECONFIG: lab.kubeconfig },
      }),
    launchLoad: (options) => lab.run(process.execPath, loadCommand, options),
    async openService(namespace, name, port) {
      const path = 'jsonpath={.spec.clusterIP}'
      return open(await lab.kubectl(['get', 'service', name, '-n', namespace, '-o', path]), port)
    },
    openPod: (_, { address }, port) => open(address, port),
    async close() {
      gate.close()
      await lab.stop()
    },
  }
}
