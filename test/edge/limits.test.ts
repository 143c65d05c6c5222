/** What is uploaded, and how it starts, against 80 % of the platform's limits. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { platformLimits } from '../../control/workers/limits.ts'
import { startWorker } from './worker-under-test.ts'

it('is small enough to be uploaded and starts fast enough', async () => {
  const worker = await startWorker()
  try {
    const { folder, modules } = worker.bundle
    const files = modules.map((name) => readFileSync(join(folder, name)))
    const compressed = files.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0)
    const wasm = modules.findIndex((name) => name.endsWith('.wasm'))
    expect(wasm, 'the router is a module of its own').toBeGreaterThan(0)
    const router = join(import.meta.dirname, '../../router-wasm/build/router.wasm')
    expect(files[wasm]!.equals(readFileSync(router)), 'the bytes that agents run').toBe(true)
    const starts: number[] = []
    for (let n = 0; n < 3; n++) {
      const startedMs = performance.now()
      await worker.restart()
      await fetch(`${worker.url}/livez`)
      starts.push(performance.now() - startedMs)
    }
    const sizes = `${Math.round(compressed / 1024)} KiB compressed, WASM ${Math.round(files[wasm]!.length / 1024)} KiB`
    console.log(
      `the Worker: ${sizes}; killed to first answer ${Math.round(Math.min(...starts))} ms`,
    )
    expect(compressed).toBeLessThan(platformLimits.workerBytesCompressed * 0.8)
    expect(Math.min(...starts)).toBeLessThan(platformLimits.startMs * 0.8)
  } finally {
    await worker.stop()
  }
})
