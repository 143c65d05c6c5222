/** `completion`: a script that a shell reads, and the names that it asks for while somebody types. */
import { Argument, type Command } from 'commander'
import { apps, clusters, releases } from '../answers.ts'
import { type Shell, scriptFor, shells } from '../completion/shells.ts'
import { type Names, namesKnown, treeOf } from '../completion/tree.ts'
import { readConfiguration } from '../contexts.ts'
import type { Session } from '../session.ts'

export function completionNoun(program: Command, session: Session): void {
  program
    .command('completion')
    .description('print a completion script: source <(switchyard completion bash)')
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => session.desk.out.write(scriptFor(shell, treeOf(program))))
  program
    .command('names', { hidden: true })
    .description('names for completion, one a line')
    .addArgument(new Argument('<kind>').choices(namesKnown))
    .action(async (kind: Names) => {
      for (const name of await known[kind](session)) session.desk.out.write(`${name}\n`)
    })
}

const known: Readonly<Record<Names, (session: Session) => Promise<string[]> | string[]>> = {
  apps: async (session) => (await session.read(apps, '/v1/apps')).apps.map(({ app }) => app),
  releases: async (session) => {
    const { releases: all } = await session.read(releases, '/v1/releases', { limit: 200 })
    return all.filter(({ phase }) => phase !== 'decommissioned').map(({ id }) => id)
  },
  clusters: async (session) =>
    (await session.read(clusters, '/v1/clusters')).clusters.map(({ cluster }) => cluster),
  contexts: ({ desk }) => Object.keys(readConfiguration(desk).contexts),
}
