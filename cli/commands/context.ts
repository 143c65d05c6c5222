/** `login` and `context`: which controls there are, with which tokens, and which one is meant. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { token as tokenShape } from '../answers.ts'
import { createClient } from '../client.ts'
import {
  checkedUrl,
  configurationFile,
  contextName,
  isClearText,
  readConfiguration,
  unknownContext,
  writeConfiguration,
} from '../contexts.ts'
import type { Desk } from '../desk.ts'
import { usage } from '../failure.ts'
import { type Session, understood } from '../session.ts'
import { tokenWords } from './token.ts'

interface LoginFlags {
  readonly tokenFile?: string
  readonly tokenStdin?: boolean
}

export function contextNoun(program: Command, session: Session): void {
  const { desk } = session
  program
    .command('login')
    .description(
      'try an address and a token, and keep them as a context (--context NAME), used from then on',
    )
    .argument('<url>', 'address of control, as https://switchyard.example')
    .option('--token-file <file>', 'a file that holds the token')
    .option('--token-stdin', 'read the token from standard input')
    .action(async (text: string, flags: LoginFlags) => {
      const url = checkedUrl(text, 'URL')
      const token = await readToken(desk, flags)
      const called = program.opts<{ context?: string }>().context ?? 'default'
      if (!contextName.safeParse(called).success) throw usage(`"${called}" is no name of a context`)
      const client = createClient({
        url,
        token,
        source: 'the command line',
        reason: null,
        interrupted: desk.interrupted,
      })
      const self = understood(tokenShape, await client.get('/v1/tokens/self'), 'the token')
      const held = readConfiguration(desk)
      const contexts = { ...held.contexts, [called]: { url, token } }
      writeConfiguration(desk, { current: called, contexts })
      if (isClearText(url)) session.say('warning: over http:// the token travels in clear text')
      session.print({ context: called, url, token: self }, () => [
        `Logged in at ${url} as ${self.name}; the context "${called}" is used from now on.`,
      ])
    })

  const noun = program.command('context').description('the logins that are kept')
  noun
    .command('list')
    .description('list the contexts; * is the one in use')
    .action(() => {
      const { current, contexts } = readConfiguration(desk)
      const rows = Object.entries(contexts).map(([name, { url }]) => ({
        name,
        url,
        current: name === current,
      }))
      session.rows(
        { contexts: rows },
        rows,
        [
          { title: '', cell: ({ current }) => (current ? '*' : ' ') },
          { title: 'CONTEXT', cell: ({ name }) => name },
          { title: 'URL', cell: ({ url }) => url },
        ],
        'No contexts. `switchyard login URL --token-file FILE` makes one.',
      )
    })
  noun
    .command('use')
    .description('use this context from now on')
    .argument('<name>')
    .action((called: string) => {
      const held = readConfiguration(desk)
      if (!held.contexts[called]) throw unknownContext(called, held)
      writeConfiguration(desk, { ...held, current: called })
      session.print({ context: called }, () => [`The context "${called}" is used from now on.`])
    })
  noun
    .command('show')
    .description('which control is called, why, and as whom')
    .action(async () => {
      const { url, source, context, token } = session.target
      const self = token && (await session.read(tokenShape, '/v1/tokens/self'))
      session.print({ context, url, source, token: self }, () =>
        session.fields([
          ['context', context ?? '(none)'],
          ['url', url],
          ['from', source],
          ['token', self ? self.name : 'none'],
          ['may', self ? tokenWords(self) : null],
          ['kept in', configurationFile(desk)],
        ]),
      )
    })
  noun
    .command('remove')
    .description('forget a context and its token')
    .argument('<name>')
    .action((called: string) => {
      const held = readConfiguration(desk)
      if (!held.contexts[called]) throw unknownContext(called, held)
      const { [called]: _, ...contexts } = held.contexts
      const current = held.current === called ? null : held.current
      writeConfiguration(desk, { current, contexts })
      session.print({ removed: called }, () => [
        `The context "${called}" is forgotten here; its token holds until it is revoked.`,
      ])
    })
}

async function readToken(desk: Desk, { tokenFile, tokenStdin }: LoginFlags): Promise<string> {
  if ((tokenFile !== undefined) === (tokenStdin === true)) {
    throw usage(
      'a token is needed: say --token-file FILE or --token-stdin',
      'Not as an argument: others of the machine would see it. `control init` wrote admin.token.',
    )
  }
  const text = tokenFile === undefined ? await desk.stdin() : readFileOf(desk, tokenFile)
  const token = text.trim()
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token
  throw usage(`${tokenFile ?? 'standard input'} holds no token: one word is expected`)
}

function readFileOf(desk: Desk, file: string): string {
  try {
    return readFileSync(resolve(desk.folder, file), 'utf8')
  } catch (error) {
    throw usage(`${file} cannot be read: ${(error as Error).message}`)
  }
}
