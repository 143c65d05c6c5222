/** `key`: control's signing keys, rotated while traffic flows: add, wait until all have pinned it, activate. */
import type { Command } from 'commander'
import { agentPlace } from '#wire/names.ts'
import { newKey, type SigningKey, signingKeys } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { paintOf } from '../paint.ts'
import { type Session, understood } from '../session.ts'
import type { Column } from '../table.ts'

export function keyNoun(program: Command, session: Session): void {
  const noun = program.command('key').description("control's signing keys")
  noun
    .command('list')
    .description('list the keys, and which agents have not pinned them')
    .action(async () => {
      const answer = await session.client.get('/v1/keys')
      const { keys } = understood(signingKeys, answer, 'GET /v1/keys')
      session.rows(answer, keys, columns, 'No keys.')
    })
  const change = (name: string, description: string, said: string) => {
    const command = noun.command(name).description(description).argument('<key>')
    withDryRun(command).action(async (key: string, flags: ChangeFlags) => {
      const path = `/v1/keys/${encodeURIComponent(key)}/${name}`
      const answer = await ask(session, flags, { method: 'POST', path, body: {} })
      if (answer !== null) session.print(answer, () => [`${key} ${said}`])
    })
  }
  withDryRun(
    noun.command('add').description('make a spare key, which every agent then pins'),
  ).action(async (flags: ChangeFlags) => {
    const answer = await ask(session, flags, { method: 'POST', path: '/v1/keys', body: {} })
    if (answer === null) return
    const { keyId } = understood(newKey, answer, 'POST /v1/keys')
    session.print(answer, () => [keyId])
    session.say('Activate it once `switchyard key list` shows no agent without it.')
  })
  change('activate', 'sign with this key from now on', 'signs from now on.')
  change('retire', 'let agents forget a key that signs no more', 'is retired.')
}

const columns: readonly Column<SigningKey>[] = [
  { title: 'KEY', cell: ({ keyId }) => keyId, paint: () => 'bold' },
  { title: 'STATE', cell: ({ state }) => state, paint: (text) => paintOf(stateWord(text)) },
  {
    title: 'NOT YET PINNED BY',
    cell: ({ missing }) => missing.map(agentPlace).join(', ') || 'none',
    spare: 1,
  },
  { title: 'PUBLIC KEY', cell: ({ publicKey }) => publicKey, wide: true },
]

const stateWord = (state: string): string => (state === 'signing' ? 'active' : 'pending')
