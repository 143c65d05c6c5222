/**
 * Where an agent's programs write their log: stderr, one line at a time, written when the call returns
 * (Node writes to files, pipes and terminals synchronously here), so that nothing is lost at an exit.
 * Without a library: loading one costs 11 to 18 ms of each start, and a worker is back in 26.
 */
import { createSay, type LogFields, type LogFormat, type Say } from '#wire/log-line.ts'
import type { AgentConfig } from './config.ts'

export const createLog = (format: LogFormat, base: LogFields & { readonly program: string }): Say =>
  createSay({
    format,
    base,
    now: Date.now,
    write: (line) => process.stderr.write(line),
  })

export const createAgentLog = (
  program: 'agent' | 'pilot' | 'worker',
  { cluster, name, logFormat = 'text' }: AgentConfig,
): Say => createLog(logFormat, { program, cluster, agent: name, pid: process.pid })
