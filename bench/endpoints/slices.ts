/** A slice of each release that was written by hand, with one endpoint that no pod is behind. */
import type { KubernetesClient } from '../../agent/platform/kubernetes/api/client.ts'
import { sliceOf } from '../../agent/platform/kubernetes/endpoints/slices/slices.fixture.ts'
import { openBareWatch } from './bare-watch.ts'
import { type Changes, inTens, namespace, numberOf, releaseOf } from './changes.ts'

const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`

export async function createSlices(client: KubernetesClient, releases: number): Promise<Changes> {
  const watch = openBareWatch(client, path, /"addresses":\["([^"]+)"/)
  let turn = 0

  const patch = (n: number, address: string) =>
    client.call({
      method: 'PATCH',
      path: `${path}/${releaseOf(n)}`,
      query: { fieldManager: 'bench', force: true },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        ...sliceOf({
          name: releaseOf(n),
          namespace,
          release: releaseOf(n),
          endpoints: [address],
        }),
      },
    })
  await inTens(releases, (n) => patch(n, `10.100.${n >> 8}.${n & 255}`))

  return {
    next() {
      turn++
      const address = `10.${1 + (turn >> 16)}.${(turn >> 8) & 255}.${turn & 255}`
      return { release: releaseOf(turn % releases), address }
    },
    change: (release, address) => patch(numberOf(release), address),
    seen: watch.seen,
    stop: watch.stop,
  }
}
