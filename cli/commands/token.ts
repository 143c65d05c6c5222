/** `token`: who may call the API. A new token's secret is printed once, alone on standard output. */
import type { Command } from 'commander'
import { newToken, type Token, tokens } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { list } from '../lists.ts'
import { type Session, understood } from '../session.ts'
import { durationMs } from '../times.ts'

interface CreateFlags extends ChangeFlags {
  readonly scope: string[]
  readonly app?: string[]
  readonly cluster?: string[]
  readonly expires?: number
}

export function tokenNoun(program: Command, session: Session): void {
  const noun = program.command('token').description('who may call the API')
  noun
    .command('list')
    .description('list the tokens, without their secrets')
    .action(async () => {
      const answer = await session.client.get('/v1/tokens')
      const { tokens: all } = understood(tokens, answer, 'GET /v1/tokens')
      session.rows(
        answer,
        all,
        [
          { title: 'TOKEN', cell: ({ name }) => name, paint: () => 'bold' },
          { title: 'SCOPES', cell: ({ scopes }) => scopes.join(', ') },
          { title: 'APPS', cell: ({ apps }) => apps?.join(', ') ?? 'all', spare: 2 },
          { title: 'CLUSTERS', cell: ({ clusters }) => clusters?.join(', ') ?? 'all', spare: 3 },
          {
            title: 'EXPIRES',
            cell: ({ expiresAtMs }) => session.when(expiresAtMs) ?? 'never',
            spare: 1,
          },
        ],
        'No tokens.',
      )
    })
  withDryRun(
    noun
      .command('create')
      .description('make a token; its secret is shown this once')
      .argument('<name>')
      .requiredOption('--scope <scopes>', 'read, release, approve, override, admin', list)
      .option('--app <apps>', 'for these apps only, comma-separated', list)
      .option('--cluster <clusters>', 'for these clusters only, comma-separated', list)
      .option('--expires <duration>', 'it ends after this long: 90d', durationMs),
  ).action(async (name: string, flags: CreateFlags) => {
    const { scope: scopes, app, cluster, expires } = flags
    const body = {
      name,
      scopes,
      ...(app && { apps: app }),
      ...(cluster && { clusters: cluster }),
      ...(expires !== undefined && { expiresInMs: expires }),
    }
    const answer = await ask(session, flags, { method: 'POST', path: '/v1/tokens', body })
    if (answer === null) return
    const made = understood(newToken, answer, 'POST /v1/tokens')
    session.print(answer, () => [made.token ?? 'the secret was shown when the token was made'])
    session.say(`${name}: ${tokenWords(made)}. It is shown this once: keep it, mode 0600.`)
  })
  withDryRun(
    noun.command('revoke').description('revoke a token at once').argument('<name>'),
  ).action(async (name: string, flags: ChangeFlags) => {
    const path = `/v1/tokens/${encodeURIComponent(name)}`
    const answer = await ask(session, flags, { method: 'DELETE', path })
    if (answer !== null) session.print(answer, () => [`${name} is revoked.`])
  })
}

/** `release, approve for the apps shop, until 2026-…`. */
export function tokenWords({ scopes, apps, clusters, expiresAtMs }: Token): string {
  const where = [
    apps && `the apps ${apps.join(', ')}`,
    clusters && `the clusters ${clusters.join(', ')}`,
  ].filter(Boolean)
  const until = expiresAtMs === null ? '' : `, until ${new Date(expiresAtMs).toISOString()}`
  return `${scopes.join(', ')}${where.length > 0 ? ` for ${where.join(' and ')}` : ''}${until}`
}
