/**
 * Entry of the pilot process: first the core, so that workers find their pilot as it was; then the rest,
 * which takes longer to load than to serve without. Argument: the agent's configuration as JSON. It may
 * die at any moment: traffic goes on.
 */
import { flushCompileCache } from 'node:module'
import { supervised } from '../child.ts'
import type { AgentConfig } from '../config.ts'
import { startCore } from './core.ts'

async function run(config: AgentConfig, stopping: AbortSignal): Promise<() => Promise<void>> {
  const log = (line: string) => console.error(`pilot ${config.name}: ${line}`)
  const core = await startCore(config, log)
  const { goOutside } = await import('./outside.ts')
  // Now, because a pilot that is killed has no time for it.
  flushCompileCache()
  const comeBack = await goOutside(config, core, log, stopping)
  return async () => {
    await comeBack()
    await core.stop()
  }
}

if (import.meta.main) {
  const config = JSON.parse(process.argv[2] ?? '') as AgentConfig
  const stopping = new AbortController()
  const leave = Promise.withResolvers<void>()
  supervised(() => {
    stopping.abort()
    leave.resolve()
  })
  const close = await run(config, stopping.signal).catch((error) => {
    if (stopping.signal.aborted) process.exit(0)
    console.error(`pilot ${config.name}: ${error instanceof Error ? error.stack : error}`)
    process.exit(1)
  })
  await leave.promise
  await close()
  process.exit(0)
}
