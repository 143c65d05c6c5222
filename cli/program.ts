/**
 * The whole command line as one tree of commander: what is parsed, what `--help` prints and what shells
 * complete is the same tree. A new noun is a file of its own and a line in `nouns`.
 */
import { Command, CommanderError, Option } from 'commander'
import { agentNoun } from './commands/agent.ts'
import { appNoun } from './commands/app.ts'
import { applyNoun } from './commands/apply.ts'
import { clusterNoun } from './commands/cluster.ts'
import { completionNoun } from './commands/completion.ts'
import { contextNoun } from './commands/context.ts'
import { doctorNoun } from './commands/doctor.ts'
import { eventsNoun } from './commands/events.ts'
import { freezeNoun } from './commands/freeze.ts'
import { historyNoun } from './commands/history.ts'
import { ingressNoun } from './commands/ingress.ts'
import { keyNoun } from './commands/key.ts'
import { releaseNoun } from './commands/release.ts'
import { stateNoun } from './commands/state.ts'
import { tokenNoun } from './commands/token.ts'
import { versionNoun } from './commands/version.ts'
import { webhookNoun } from './commands/webhook.ts'
import type { Desk } from './desk.ts'
import { type Ending, exitCodeLines, exitCodes } from './exit-codes.ts'
import { Ended, Failure, failureLines } from './failure.ts'
import { painter } from './paint.ts'
import { createSession, formats, type Session, type SharedFlags } from './session.ts'

/** Adds its commands to the program. */
export type Noun = (program: Command, session: Session) => void

const nouns: readonly Noun[] = [
  contextNoun,
  appNoun,
  applyNoun,
  releaseNoun,
  clusterNoun,
  agentNoun,
  ingressNoun,
  historyNoun,
  eventsNoun,
  freezeNoun,
  tokenNoun,
  keyNoun,
  webhookNoun,
  doctorNoun,
  stateNoun,
  completionNoun,
  versionNoun,
]

export function switchyardCommand(desk: Desk): Command {
  const program = new Command('switchyard')
    .description('Moves live traffic between versions of applications, proven by every proxy.')
    .addOption(
      new Option('--context <name>', 'a login to use').helpGroup('Options of every command:'),
    )
    .addOption(
      new Option('-o, --output <format>', 'how answers are printed')
        .choices(formats)
        .helpGroup('Options of every command:'),
    )
    .addOption(
      new Option('--reason <text>', 'why, for the audit').helpGroup('Options of every command:'),
    )
    .addHelpText('after', epilogue)
  const session = createSession(desk, () => program.opts<SharedFlags>())
  for (const noun of nouns) noun(program, session)
  forAll(program, (command) => {
    command
      .exitOverride()
      .showHelpAfterError('(--help shows commands and flags)')
      .helpCommand(false)
      .configureHelp({ showGlobalOptions: true })
      .configureOutput({
        writeOut: (text) => desk.out.write(text),
        writeErr: (text) => desk.err.write(text),
        getOutHelpWidth: () => desk.out.columns() ?? 100,
        getErrHelpWidth: () => desk.err.columns() ?? 100,
        getOutHasColors: () => desk.out.colours,
        getErrHasColors: () => desk.err.colours,
        outputError: (text, write) => write(text.replace(/^error: /, 'switchyard: ')),
      })
  })
  return program
}

function forAll(command: Command, change: (command: Command) => void): void {
  change(command)
  for (const below of command.commands) forAll(below, change)
}

/** Parses and does it; the exit code. Nothing is thrown. */
export async function run(desk: Desk, args: readonly string[]): Promise<number> {
  try {
    await switchyardCommand(desk).parseAsync(args, { from: 'user' })
    return exitCodes.done.code
  } catch (error) {
    return exitCodes[endingOf(desk, error)].code
  }
}

function endingOf(desk: Desk, error: unknown): Ending {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 'done' : 'usage'
  if (error instanceof Ended) return error.ending
  const paint = painter(desk.err)
  if (error instanceof Failure) {
    const [first, ...more] = failureLines(error.parts)
    const colour = error.parts.ending === 'interrupted' ? 'yellow' : 'red'
    desk.err.write(`${[paint(colour, first!), ...more].join('\n')}\n`)
    return error.parts.ending
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  desk.err.write(`${paint('red', 'switchyard: this is a bug in switchyard')}\n${stack}\n`)
  return 'failed'
}

const epilogue = `
Which control: --context; SWITCHYARD_URL and SWITCHYARD_TOKEN; SWITCHYARD_CONTEXT; the context in use; the
.switchyard of an \`npm start\` in this folder. NO_COLOR is respected.

Exit codes:
${exitCodeLines().join('\n')}

Examples:
  switchyard login https://switchyard.example --token-file token --context prod
  switchyard release create shop 0.0.2 --preview-path /test --watch --until ready
  switchyard release promote shop-r2 --watch
  switchyard release list shop -o json`
