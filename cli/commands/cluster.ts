/** `cluster`: what control publishes to the agents of each, now or at a moment of the past. */
import type { Command } from 'commander'
import { type Cluster, clusters, snapshot } from '../answers.ts'
import { Failure, usage } from '../failure.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'
import { agentColumns, agentsOf } from './agent.ts'

export function clusterNoun(program: Command, session: Session): void {
  const noun = program.command('cluster').description('clusters and what they serve')
  noun
    .command('list')
    .description('list the clusters')
    .action(async () => {
      const answer = await session.client.get('/v1/clusters')
      const { clusters: all } = understood(clusters, answer, 'GET /v1/clusters')
      session.rows(answer, all, columns, 'No clusters. `control init --cluster NAME` makes one.')
    })
  noun
    .command('show')
    .description('show a cluster and its agents')
    .argument('<cluster>')
    .action(async (name: string) => {
      const all = await session.read(clusters, '/v1/clusters')
      const found = all.clusters.find(({ cluster }) => cluster === name)
      if (!found) throw unknownCluster(name, all.clusters)
      const agents = await agentsOf(session, name)
      session.print({ ...found, agents }, () => [
        ...session.fields([
          ['cluster', found.cluster],
          ['revision', found.revision],
          ['epoch', found.epoch.number],
          ['digest', found.digest],
          ['holds', `${found.objects} objects of ${found.apps} apps`],
        ]),
        '',
        ...(agents.length > 0 ? session.table(agents, agentColumns) : ['No agents are enrolled.']),
      ])
    })
  noun
    .command('snapshot')
    .description('what was published to the agents of a cluster, now or then')
    .argument('<cluster>')
    .option('--revision <number>', 'as after this record of the log')
    .option('--at <instant>', 'as it was then: 2026-11-25T10:00:00Z')
    .action(async (name: string, flags: { revision?: string; at?: string }) => {
      if (flags.revision && flags.at) throw usage('say --revision or --at, not both')
      const path = `/v1/clusters/${encodeURIComponent(name)}/snapshot`
      const answer = await session.client.get(path, { revision: flags.revision, at: flags.at })
      session.print(answer, () => snapshotLines(session, answer))
    })
}

const columns: readonly Column<Cluster>[] = [
  { title: 'CLUSTER', cell: ({ cluster }) => cluster, paint: () => 'bold' },
  {
    title: 'AGENTS',
    cell: ({ agents }) =>
      `${agents.current}/${agents.enrolled} current${agents.silent > 0 ? `, ${agents.silent} silent` : ''}`,
    paint: (text) => (/^(\d+)\/\1 current$/.test(text) ? 'green' : 'yellow'),
  },
  { title: 'REVISION', cell: ({ revision }) => revision, align: 'right', spare: 1 },
  { title: 'APPS', cell: ({ apps }) => apps, align: 'right', spare: 2 },
  { title: 'OBJECTS', cell: ({ objects }) => objects, align: 'right', spare: 3 },
  { title: 'DIGEST', cell: ({ digest }) => digest.slice(0, 12), spare: 4 },
  { title: 'EPOCH', cell: ({ epoch }) => epoch.number, align: 'right', wide: true },
]

const unknownCluster = (name: string, all: readonly Cluster[]) =>
  new Failure({
    ending: 'notFound',
    what: `unknown-cluster: no cluster is called "${name}"`,
    fix: `There are: ${all.map(({ cluster }) => cluster).join(', ') || 'none'}.`,
  })

function snapshotLines(session: Session, answer: unknown): string[] {
  const shown = understood(snapshot, answer, 'the snapshot')
  const kinds = [...Map.groupBy(shown.objects, ({ key }) => key.split('/')[0]!)]
  const { served } = shown
  return [
    ...session.fields([
      ['cluster', shown.cluster],
      ['revision', shown.revision],
      ['digest', shown.digest],
      ['format', shown.format],
      ['published', session.when(served?.publishedAtMs)],
      ['superseded', session.when(served?.supersededAtMs)],
      [
        'not proven',
        served?.unacknowledged
          .map(({ app, except }) => `${app}${except.length > 0 ? ` at ${except.join(', ')}` : ''}`)
          .join('; '),
      ],
      ['objects', kinds.map(([kind, all]) => `${all.length} ${kind}`).join(', ')],
    ]),
    '',
    ...session.table(shown.objects, [{ title: 'OBJECT', cell: ({ key }) => key }]),
    '',
    session.paint('dim', '-o json or -o yaml shows the objects themselves.'),
  ]
}
