/** What the rows share: rejections as values, agents that cannot hear, and what the public sees. */
import type { AgentInRelease, ReleaseView } from '#wire/release.ts'
import { type Problem, Rejected } from '../../deploy/local/control-client.ts'
import type { Fleet } from '../../deploy/local/fleet.ts'
import type { Stage } from '../stage.ts'

export const active = { wait: 'active', timeoutMs: 10_000 } as const

/** Agents that the fleet knows and a row lets join. */
export const lateAgents = ['eu-1-c', 'us-1-c'] as const

export async function problemOf(call: Promise<unknown>): Promise<Problem> {
  try {
    await call
  } catch (error) {
    if (error instanceof Rejected) return error.problem
    throw error
  }
  throw new Error('it was not rejected')
}

/** Stops an agent's pilot in its tracks; its workers serve on. Returns what lets it go on. */
export function paused(fleet: Fleet, agent: string): () => void {
  const pid = fleet.pid(`${agent}.pilot`)
  if (pid === null) throw new Error(`${agent} has no pilot`)
  process.kill(pid, 'SIGSTOP')
  return () => process.kill(pid, 'SIGCONT')
}

export const agentNamed = (view: ReleaseView, agent: string): AgentInRelease | undefined =>
  view.agents.find((one) => one.agent === agent)

export async function versionsEverywhere(stage: Stage, app: string): Promise<Set<string>> {
  const running = stage.fleet.agents.filter(({ name }) => stage.fleet.pid(name) !== null)
  const answers = await Promise.all(running.map(({ name }) => stage.get(name, app)))
  return new Set(answers.map(({ version }) => version))
}
