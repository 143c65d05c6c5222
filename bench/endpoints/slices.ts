/** Slices of many releases in a real API server, changed one at a time, and a bare watch that sees when. */
import { setTimeout as delay } from 'node:timers/promises'
import type { KubernetesClient } from '../../agent/platform/kubernetes/client.ts'
import { linesOf } from '../../agent/platform/kubernetes/lines.ts'
import { sliceOf } from '../../agent/platform/kubernetes/slices.fixture.ts'

export interface Slices {
  /** Every slice has so many endpoints from now on. */
  fill(count: number): Promise<void>
  /** A release, and an address that none has had. */
  next(): { readonly release: string; readonly address: string }
  /** The first endpoint of the release becomes this address. */
  change(release: string, address: string): Promise<unknown>
  /** When the bare watch had the event that brought the address. */
  seen(address: string): Promise<number>
  remove(): Promise<void>
}

export const namespace = 'bench'
export const releaseOf = (n: number) => `app${n}-r1`
const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
const lineBytesMax = 4_194_304

export async function createSlices(client: KubernetesClient, releases: number): Promise<Slices> {
  const stopping = new AbortController()
  const seenMs = new Map<string, number>()
  const waiting = new Map<string, (ms: number) => void>()
  let filled = 0
  let turn = 0

  await client
    .call({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } })
    .catch(() => {})
  void watch()

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const query = { watch: true, timeoutSeconds: 600 }
      const response = await client.open(path, query, stopping.signal).catch(() => null)
      if (!response) continue
      try {
        for await (const line of linesOf(response, lineBytesMax)) {
          const atMs = performance.now()
          const address = /"addresses":\["([^"]+)"/.exec(line)?.[1] ?? ''
          seenMs.set(address, atMs)
          waiting.get(address)?.(atMs)
          waiting.delete(address)
        }
      } catch {
        // It ends with the bench.
      }
    }
  }

  const body = (n: number, first: string | null, count: number) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    ...sliceOf({
      name: releaseOf(n),
      namespace,
      release: releaseOf(n),
      endpoints: Array.from({ length: count }, (_, k) => ({
        address: k === 0 && first !== null ? first : `10.${100 + k}.${n >> 8}.${n & 255}`,
        pod: `app${n}-6b7c9d4f8-${k}`,
      })),
    }),
  })
  const patch = (n: number, first: string | null, count: number) =>
    client.call({
      method: 'PATCH',
      path: `${path}/${releaseOf(n)}`,
      query: { fieldManager: 'bench', force: true },
      contentType: 'application/apply-patch+yaml',
      body: body(n, first, count),
    })

  return {
    async fill(count) {
      filled = count
      for (let n = 0; n < releases; n += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, k) => patch(n + k, null, count)))
      }
    },
    next() {
      turn++
      const address = `10.${1 + (turn >> 16)}.${(turn >> 8) & 255}.${turn & 255}`
      return { release: releaseOf(turn % releases), address }
    },
    change: (release, address) => patch(Number(/\d+/.exec(release)![0]), address, filled),
    seen: (address) =>
      new Promise((resolve) => {
        const known = seenMs.get(address)
        if (known === undefined) waiting.set(address, resolve)
        else resolve(known)
      }),
    async remove() {
      stopping.abort()
      await client.call({ method: 'DELETE', path }).catch(() => {})
      await client
        .call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` })
        .catch(() => {})
      await delay(100)
    },
  }
}
