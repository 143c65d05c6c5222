/** `select` over lists of endpoints: idle ones, and ones that all have requests in flight. */
import { createRouter } from '#router/router.ts'
import type { Contender } from './peers.ts'

export function selectionContenders(module: WebAssembly.Module, callCount: number): Contender[] {
  const contender = (endpointCount: number, inFlight: number): Contender => {
    const router = createRouter({ wasm: module, zones: 1, tableBytes: 65536 })
    const endpoints = Array.from({ length: endpointCount }, (_, n) => ({
      address: '127.0.0.1',
      port: n + 1,
    }))
    // The first release that a router hears of has number 0.
    router.setEndpoints('bench-r1', endpoints)
    for (let n = 0; n < inFlight * endpointCount; n++) router.reselect(0, -1)
    const { reselect, release } = router
    const once = () => {
      const slot = reselect(0, -1)
      release(slot)
      return slot
    }
    return {
      name: `${endpointCount}, each with ${inFlight} in flight`,
      answer: once,
      run() {
        // Each endpoint in turn, so the sum is known and one that is left out shows.
        let sum = 0
        for (let n = 0; n < callCount; n++) sum += once()
        if (sum !== (callCount / endpointCount) * ((endpointCount * (endpointCount - 1)) / 2)) {
          throw new Error('endpoints do not take turns')
        }
        return sum
      },
    }
  }
  return [contender(4, 0), contender(256, 0), contender(256, 4)]
}
