/** `token`: who may call the API. A new token's secret is printed once, alone on standard output. */
import { type Command, Option } from 'commander'
import { newToken, tokens } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { type Session, understood } from '../session.ts'

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
          { title: 'SCOPE', cell: (token) => words(token.scope ?? token.scopes) },
        ],
        'No tokens.',
      )
    })
  withDryRun(
    noun
      .command('create')
      .description('make a token; its secret is shown this once')
      .argument('<name>')
      .addOption(
        new Option('--scope <scope>', 'what it may: everything, move traffic, or read')
          .choices(['admin', 'release', 'read'])
          .makeOptionMandatory(),
      ),
  ).action(async (name: string, flags: ChangeFlags & { scope: string }) => {
    const body = { name, scope: flags.scope }
    const answer = await ask(session, flags, { method: 'POST', path: '/v1/tokens', body })
    if (answer === null) return
    const { token } = understood(newToken, answer, 'POST /v1/tokens')
    session.print(answer, () => [token ?? 'the secret was shown when the token was made'])
    session.say(`${name} may ${flags.scope}; this is shown once: keep it in a file of mode 0600.`)
  })
  withDryRun(
    noun.command('revoke').description('revoke a token at once').argument('<name>'),
  ).action(async (name: string, flags: ChangeFlags) => {
    const path = `/v1/tokens/${encodeURIComponent(name)}`
    const answer = await ask(session, flags, { method: 'DELETE', path })
    if (answer !== null) session.print(answer, () => [`${name} is revoked.`])
  })
}

const words = (value: unknown): string =>
  Array.isArray(value) ? value.map(words).join(', ') : typeof value === 'string' ? value : ''
