/** `agent`: what each agent says that it serves, and how it is. */
import type { Command } from 'commander'
import { agentPlace } from '#wire/names.ts'
import { type Agent, agents, clusters } from '../answers.ts'
import { ask, type ChangeFlags, confirmed, withDryRun } from '../change.ts'
import { Failure } from '../failure.ts'
import { paintOf } from '../paint.ts'
import type { Session } from '../session.ts'
import type { Column } from '../table.ts'
import { durationWords } from '../times.ts'

export function agentNoun(program: Command, session: Session): void {
  const noun = program.command('agent').description('the agents and what they serve')
  noun
    .command('list')
    .description('list the agents, of all clusters or of one')
    .argument('[cluster]')
    .action(async (cluster?: string) => {
      const all = await agentsOf(session, cluster)
      session.rows(
        { agents: all },
        all,
        agentColumns,
        'No agents are enrolled. docs/operating.md says how one joins.',
      )
    })
  noun
    .command('show')
    .description('show an agent: what it serves, holds, refuses')
    .argument('<cluster>')
    .argument('<agent>')
    .action(async (cluster: string, name: string) => {
      const all = await agentsOf(session, cluster)
      const found = all.find(({ agent }) => agent === name)
      if (!found) throw unknownAgent(cluster, name, all)
      session.print(found, () => lines(session, found))
    })
  withDryRun(
    noun
      .command('forget')
      .description('forget an agent that will never come back: it counts as proven absent')
      .argument('<cluster>')
      .argument('<agent>')
      .option('--yes', 'it is meant: what it may still serve is not waited for any more'),
  ).action(async (cluster: string, name: string, flags: ChangeFlags & { yes?: boolean }) => {
    const place = agentPlace({ cluster, agent: name })
    confirmed(flags, `forgetting ${place}`)
    const path = `/v1/clusters/${encodeURIComponent(cluster)}/agents/${encodeURIComponent(name)}`
    const answer = await ask(session, flags, { method: 'DELETE', path })
    if (answer === null) return
    session.print(answer, () => [`${place} is forgotten; to come back it must enrol again.`])
  })
}

/** Of one cluster, or of all. */
export async function agentsOf(session: Session, cluster?: string): Promise<Agent[]> {
  const names = cluster
    ? [cluster]
    : (await session.read(clusters, '/v1/clusters')).clusters.map((one) => one.cluster)
  const all: Agent[] = []
  for (const name of names) {
    const path = `/v1/clusters/${encodeURIComponent(name)}/agents`
    all.push(...(await session.read(agents, path)).agents)
  }
  return all
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

export const agentColumns: readonly Column<Agent>[] = [
  { title: 'AGENT', cell: ({ agent }) => agent, paint: () => 'bold' },
  { title: 'CLUSTER', cell: ({ cluster }) => cluster, spare: 4 },
  { title: 'CONDITION', cell: ({ condition }) => condition, paint: paintOf },
  { title: 'REVISION', cell: ({ revision }) => revision, align: 'right', spare: 2 },
  { title: 'ENDPOINTS', cell: (agent) => sum(agent.readyEndpoints), align: 'right', spare: 3 },
  { title: 'IN USE', cell: ({ inUse }) => sum(inUse), align: 'right', spare: 3 },
  { title: 'WORKERS', cell: ({ workers }) => workers, align: 'right', spare: 5 },
  {
    title: 'REFUSALS',
    cell: ({ refusals }) => refusals.reduce((total, { count }) => total + count, 0),
    align: 'right',
    spare: 6,
  },
  { title: 'WHY', cell: ({ reason }) => reason ?? '', spare: 1 },
  { title: 'DIGEST', cell: ({ digest }) => digest, wide: true },
]

const unknownAgent = (cluster: string, name: string, all: readonly Agent[]) =>
  new Failure({
    ending: 'notFound',
    what: `unknown-agent: no agent of ${cluster} is called "${name}"`,
    fix: `There are: ${all.map(({ agent }) => agent).join(', ') || 'none'}.`,
  })

function lines(session: Session, agent: Agent): string[] {
  const { lastReportAtMs, reason } = agent
  const heard = lastReportAtMs === null ? null : session.desk.nowMs() - lastReportAtMs
  const counts = (held: Readonly<Record<string, number>>) =>
    Object.entries(held)
      .map(([release, count]) => `${release}: ${count}`)
      .join(', ') || 'none'
  return session.fields([
    ['agent', agent.agent],
    ['cluster', agent.cluster],
    ['condition', reason ? `${agent.condition}: ${reason}` : agent.condition],
    ['revision', agent.revision],
    ['digest', agent.digest],
    ['last report', heard === null ? 'never' : `${durationWords(heard)} ago`],
    ['workers', agent.workers],
    [
      'positions',
      Object.entries(agent.positions)
        .map(([app, { prepared, active }]) =>
          prepared > active ? `${app}: ${active}, prepared ${prepared}` : `${app}: ${active}`,
        )
        .join(', '),
    ],
    ['ready', counts(agent.readyEndpoints)],
    ['in use', counts(agent.inUse)],
    ...agent.refusals.map(
      ({ code, reason: why, count }) => ['refused', `${count} times ${code}: ${why}`] as const,
    ),
    ['enrolled', session.when(agent.enrolledAtMs)],
  ])
}
