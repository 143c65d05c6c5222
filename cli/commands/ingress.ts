/** `ingress`: the Ingress objects of clusters, their routes, and what of them is not done. */
import type { Command } from 'commander'
import { clusters, type Ingress, ingresses } from '../answers.ts'
import type { Session } from '../session.ts'
import type { Column } from '../table.ts'

export function ingressNoun(program: Command, session: Session): void {
  program
    .command('ingress')
    .description('Kubernetes Ingress objects that are routes')
    .command('list')
    .description('list them with what is not done or was refused, of all clusters or of one')
    .argument('[cluster]')
    .action(async (cluster?: string) => {
      const all = await ingressesOf(session, cluster)
      session.rows(
        { ingresses: all },
        all,
        columns,
        'There are no Ingress objects of our classes. docs/ingress.md says how one becomes a route.',
      )
    })
}

async function ingressesOf(session: Session, cluster?: string): Promise<Ingress[]> {
  const names = cluster
    ? [cluster]
    : (await session.read(clusters, '/v1/clusters')).clusters.map((one) => one.cluster)
  const all: Ingress[] = []
  for (const name of names) {
    const path = `/v1/clusters/${encodeURIComponent(name)}/ingresses`
    all.push(...(await session.read(ingresses, path)).ingresses)
  }
  return all
}

const stateOf = ({ refused, served, routes }: Ingress): string =>
  refused ? 'refused' : routes.length === 0 ? 'no routes' : served ? 'served' : 'coming'

const columns: readonly Column<Ingress>[] = [
  { title: 'INGRESS', cell: ({ namespace, name }) => `${namespace}/${name}`, paint: () => 'bold' },
  { title: 'CLUSTER', cell: ({ cluster }) => cluster, spare: 2 },
  { title: 'STATE', cell: stateOf },
  { title: 'ROUTES', cell: ({ routes }) => routes.length, align: 'right', spare: 3 },
  {
    title: 'NOT DONE',
    cell: ({ refused, warnings }) =>
      [...(refused ? [`${refused.code}: ${refused.detail}`] : []), ...warnings].join(' '),
    spare: 1,
  },
]
