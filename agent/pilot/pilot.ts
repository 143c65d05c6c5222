/**
 * Entry of the pilot process: first the core, so that workers find their pilot as it was; then the rest,
 * which takes longer to load than to serve without. Argument: the agent's configuration as JSON. It may
 * die at any moment: traffic goes on.
 */
import { flushCompileCache } from 'node:module'
import { type Say, stackOf } from '#wire/log-line.ts'
import { supervised } from '../child.ts'
import type { AgentConfig } from '../config.ts'
import { createAgentLog } from '../log.ts'
import { startCore } from './core.ts'

async function run(
  config: AgentConfig,
  log: Say,
  stopping: AbortSignal,
): Promise<() => Promise<void>> {
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
  const log = createAgentLog('pilot', config)
  const stopping = new AbortController()
  const leave = Promise.withResolvers<void>()
  supervised(() => {
    stopping.abort()
    leave.resolve()
  })
  const close = await run(config, log, stopping.signal).catch((error) => {
    if (stopping.signal.aborted) process.exit(0)
    log('agent-failed', stackOf(error))
    process.exit(1)
  })
  await leave.promise
  await close()
  process.exit(0)
}
