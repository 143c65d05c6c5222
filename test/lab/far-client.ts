/**
 * A client in a network of its own beyond the lab's node, as clients of a cluster are: it has an address that is
 * none of the cluster's, and the node is its way to everything. It goes with the lab.
 */
import { outputOf } from './command.ts'
import type { Cluster } from './start-cluster.ts'

export interface FarClient {
  readonly address: string
  /** The body of what answers; throws when nobody does. */
  get(url: string, host?: string): Promise<string>
  /** The status, whatever it is. */
  status(url: string): Promise<number>
}

const network = 'far'
/** Of RFC 5737: nobody has them. */
const gateway = '192.0.2.1'
const address = '192.0.2.9'

export async function openFarClient(cluster: Cluster): Promise<FarClient> {
  const script = [
    `ip netns add ${network}`,
    `ip link add to-${network} type veth peer name eth0 netns ${network}`,
    `ip address add ${gateway}/24 dev to-${network}`,
    `ip link set to-${network} up`,
    `ip -n ${network} address add ${address}/24 dev eth0`,
    `ip -n ${network} link set eth0 up`,
    `ip -n ${network} route add default via ${gateway}`,
  ]
  await outputOf(cluster.run('sh', ['-e', '-c', script.join('\n')]), 'a network of its own')
  const curl = (args: readonly string[]) => {
    const inside = ['netns', 'exec', network, 'curl', '-sS', '-m', '5', ...args]
    return outputOf(cluster.run('ip', inside), `curl ${args.join(' ')}`)
  }
  return {
    address,
    get: (url, host) => curl([...(host === undefined ? [] : ['-H', `host: ${host}`]), '-f', url]),
    status: async (url) => Number(await curl(['-o', '/dev/null', '-w', '%{http_code}', url])),
  }
}
