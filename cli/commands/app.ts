/** `app`: the applications, their routes, and which release answers in each cluster. */
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { z } from 'zod'
import { appDocument, appIntentOf } from '#wire/document.ts'
import { app as appShape, apps, type ListedApp } from '../answers.ts'
import { ask, type ChangeFlags, confirmed, withDryRun, withWait } from '../change.ts'
import { usage } from '../failure.ts'
import { readDocuments } from '../files.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'

export function appNoun(program: Command, session: Session): void {
  const noun = program.command('app').description('applications and what leads to them')
  noun
    .command('list')
    .description('list the apps and what is live')
    .action(async () => {
      const answer = await session.client.get('/v1/apps')
      const { apps: all } = understood(apps, answer, 'GET /v1/apps')
      session.rows(answer, all, columns, 'No apps. `switchyard app put NAME -f FILE` makes one.')
    })
  noun
    .command('show')
    .description('show an app: where it runs, what leads to it, what is live')
    .argument('<app>')
    .action(async (name: string) => show(session, await session.client.get(path(name))))
  withWait(
    withDryRun(
      noun
        .command('put')
        .description('create an app, or replace what leads to it')
        .argument('<app>')
        .requiredOption('-f, --file <file>', 'the app as YAML or JSON; - is standard input'),
    ),
  ).action(async (name: string, flags: ChangeFlags & { file: string }) => {
    const body = await readIntent(session, name, flags.file)
    const answer = await ask(session, flags, { method: 'PUT', path: path(name), body })
    if (answer !== null) show(session, answer)
  })
  withDryRun(
    noun
      .command('delete')
      .description('remove an app whose releases are all decommissioned')
      .argument('<app>')
      .option('--yes', 'it is meant'),
  ).action(async (name: string, flags: ChangeFlags & { yes?: boolean }) => {
    confirmed(flags, `deleting ${name}`)
    const answer = await ask(session, flags, { method: 'DELETE', path: path(name) })
    if (answer !== null) session.print(answer, () => [`${name} is deleted.`])
  })
}

const path = (app: string) => `/v1/apps/${encodeURIComponent(app)}`

const columns: readonly Column<ListedApp>[] = [
  { title: 'APP', cell: ({ app }) => app, paint: () => 'bold' },
  { title: 'LIVE', cell: (app) => liveWords(app) },
  { title: 'HOSTS', cell: ({ hosts }) => hosts.join(', '), spare: 1 },
  { title: 'CLUSTERS', cell: ({ clusters }) => clusters.join(', '), spare: 2 },
  { title: 'COPIES', cell: ({ copies }) => copies, align: 'right', spare: 4 },
  { title: 'PLATFORM', cell: ({ platform }) => platform.type, spare: 5 },
  { title: 'RELEASES', cell: ({ releases }) => releases.length, align: 'right', spare: 3 },
  { title: 'LABELS', cell: ({ labels }) => labelWords(labels), wide: true },
]

const labelWords = (labels: Readonly<Record<string, string>> = {}): string | null =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',') || null

/** `shop-r2`, or by cluster where they differ; shares where several answer. */
function liveWords({ live }: ListedApp): string {
  const words = Object.entries(live).map(([cluster, { release, weights }]) => {
    const shares = Object.entries(weights).filter(([, weight]) => weight > 0)
    const total = shares.reduce((sum, [, weight]) => sum + weight, 0)
    const split = shares.map(([id, weight]) => `${id} ${Math.round((weight / total) * 100)} %`)
    return { cluster, word: shares.length > 1 ? split.join(' + ') : (release ?? 'nothing') }
  })
  const [first, ...others] = words
  if (!first) return 'nothing'
  if (others.every(({ word }) => word === first.word)) return first.word
  return words.map(({ cluster, word }) => `${cluster}: ${word}`).join('; ')
}

function show(session: Session, answer: unknown): void {
  session.print(answer, () => {
    const app = understood(appShape, answer, 'the app')
    const { etag: _, revision: __, live: ___, releases: ____, ...intent } = answer as typeof app
    return [
      ...session.fields([
        ['app', app.app],
        ['live', liveWords(app)],
        ['releases', app.releases.join(', ')],
        ['clusters', app.clusters.join(', ')],
        ['leaving', app.leaving.join(', ')],
        ['hosts', app.hosts.join(', ')],
        ['copies', app.copies],
        ['approvals', app.approvals],
        ['labels', labelWords(app.labels)],
        ['revision', app.revision],
      ]),
      '',
      ...stringify({ platform: intent.platform, routes: intent.routes }).trimEnd().split('\n'),
    ]
  })
}

/** A document of kind App, or the bare body of the API. */
async function readIntent(session: Session, name: string, file: string): Promise<unknown> {
  const [first, ...more] = await readDocuments(session.desk, file)
  if (!first) throw usage(`${file} is empty`)
  if (more.length > 0) {
    throw usage(`${file} holds ${more.length + 1} documents`, '`switchyard apply -f` takes many.')
  }
  if ((first.value as { kind?: unknown }).kind === undefined) return first.value
  const read = appDocument.safeParse(first.value)
  if (!read.success)
    throw usage(`${file} is no document of kind App: ${z.prettifyError(read.error)}`)
  if (read.data.metadata.name !== name) {
    throw usage(`${file} is the app "${read.data.metadata.name}", not "${name}"`)
  }
  return appIntentOf(read.data)
}
