/** A bare watch beside the pilot, that sees when an event of the API server has come that brings an address. */
import type { KubernetesClient } from '../../agent/platform/kubernetes/api/client.ts'
import { linesOf } from '../../agent/platform/kubernetes/api/lines.ts'

export interface BareWatch {
  /** When it had the event that brought the address. */
  seen(address: string): Promise<number>
  stop(): void
}

const lineBytesMax = 4_194_304

/** `pattern`: finds the address in a line. */
export function openBareWatch(client: KubernetesClient, path: string, pattern: RegExp): BareWatch {
  const stopping = new AbortController()
  const seenMs = new Map<string, number>()
  const waiting = new Map<string, (ms: number) => void>()
  void watch()

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const query = { watch: true, timeoutSeconds: 600 }
      const response = await client.open(path, query, stopping.signal).catch(() => null)
      if (!response) continue
      try {
        for await (const line of linesOf(response, lineBytesMax)) {
          const atMs = performance.now()
          const address = pattern.exec(line)?.[1] ?? ''
          seenMs.set(address, atMs)
          waiting.get(address)?.(atMs)
          waiting.delete(address)
        }
      } catch {
        // It ends with the bench.
      }
    }
  }

  return {
    seen: (address) =>
      new Promise((resolve) => {
        const known = seenMs.get(address)
        if (known === undefined) waiting.set(address, resolve)
        else resolve(known)
      }),
    stop: () => stopping.abort(),
  }
}
