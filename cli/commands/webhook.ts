/** `webhook`: who is told of what happens. */
import { type Command, Option } from 'commander'
import { type Webhook, webhookSet, webhooks, webhookTest } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { Failure } from '../failure.ts'
import { list } from '../lists.ts'
import { paintOf } from '../paint.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'

interface SetFlags extends ChangeFlags {
  readonly events?: string[]
  readonly app?: string[]
  readonly format?: string
}

const path = (name: string) => `/v1/webhooks/${encodeURIComponent(name)}`

export function webhookNoun(program: Command, session: Session): void {
  const noun = program.command('webhook').description('addresses that are told what happens')
  noun
    .command('list')
    .description('list the webhooks and how they are doing')
    .action(async () => {
      const answer = await session.client.get('/v1/webhooks')
      const { webhooks: all } = understood(webhooks, answer, 'GET /v1/webhooks')
      session.rows(answer, all, columnsFor(session), 'No webhooks.')
    })
  withDryRun(
    noun
      .command('set')
      .description('tell an address what happens, from now on')
      .argument('<name>')
      .argument('<url>')
      .option('--events <types>', 'only these: switch-completed,release-*', list)
      .option('--app <apps>', 'only of these apps, comma-separated', list)
      .addOption(new Option('--format <format>', 'of messages').choices(['switchyard', 'slack'])),
  ).action(async (name: string, url: string, flags: SetFlags) => {
    const { events, app, format } = flags
    const body = {
      url,
      ...(events && { events }),
      ...(app && { apps: app }),
      ...(format && { format }),
    }
    const answer = await ask(session, flags, { method: 'PUT', path: path(name), body })
    if (answer === null) return
    const { secret } = understood(webhookSet, answer, `PUT ${path(name)}`)
    session.print(answer, () => [secret ?? `${name} is changed; its secret is the same.`])
    if (secret) session.say('The secret verifies signatures; it is shown this once.')
  })
  withDryRun(
    noun.command('remove').description('remove a webhook and its secret').argument('<name>'),
  ).action(async (name: string, flags: ChangeFlags) => {
    const answer = await ask(session, flags, { method: 'DELETE', path: path(name) })
    if (answer !== null) session.print(answer, () => [`${name} is removed.`])
  })
  noun
    .command('test')
    .description('send a test message now, and say what came back')
    .argument('<name>')
    .action(async (name: string) => {
      const answer = await session.client.call('POST', `${path(name)}/test`)
      const { ms, status, reason } = understood(webhookTest, answer, `POST ${path(name)}/test`)
      session.print(answer, () => [
        reason === null ? `taken: ${status} in ${ms} ms` : `not taken: ${reason}`,
      ])
      if (reason === null) return
      throw new Failure({
        ending: 'failed',
        what: `${name} did not take the message: ${reason}`,
        fix: 'Look at the address and at what its receiver logs.',
      })
    })
}

const columnsFor = (session: Session): Column<Webhook>[] => [
  { title: 'WEBHOOK', cell: ({ name }) => name, paint: () => 'bold' },
  { title: 'STATE', cell: ({ state }) => state, paint: paintOf },
  { title: 'ADDRESS', cell: ({ origin }) => origin, spare: 1 },
  { title: 'EVENTS', cell: ({ events }) => events.join(', '), spare: 3 },
  { title: 'APPS', cell: ({ apps }) => apps?.join(', ') ?? 'all', spare: 4 },
  { title: 'BEHIND', cell: ({ behind }) => behind, align: 'right', spare: 2 },
  {
    title: 'LAST',
    cell: ({ last }) => last && `${last.reason ?? last.status} ${session.when(last.atMs)}`,
    spare: 5,
  },
  { title: 'FORMAT', cell: ({ format }) => format, wide: true },
]
