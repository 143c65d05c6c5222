/** Entry of an agent: flags to configuration, then the supervisor, until it is told to stop. */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentConfig } from './config.ts'
import { agentCommand } from './flags.ts'
import { stopWhenTold } from './stopping.ts'
import { startSupervisor } from './supervisor.ts'

function run(config: AgentConfig): void {
  mkdirSync(config.stateFolder, { recursive: true, mode: 0o700 })
  chmodSync(config.stateFolder, 0o700)
  // Stripped and compiled once for all lives of the children: a pilot's core loads in 85 ms of CPU
  // instead of 200.
  process.env.NODE_COMPILE_CACHE ??= join(config.stateFolder, 'compiled')
  const supervisor = startSupervisor(config)
  stopWhenTold(() => supervisor.stop())
}

if (import.meta.main) {
  try {
    await agentCommand(run).parseAsync()
  } catch (error) {
    console.error(`agent: ${error instanceof Error ? error.message : error}`)
    process.exit(1)
  }
}
