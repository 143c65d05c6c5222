/**
 * Changes: one way to ask for them, with `--dry-run`, with a wait for the proof, and with the words that
 * say what has been done.
 */
import { type Command, Option } from 'commander'
import { agentPlace } from '#wire/names.ts'
import { dryRun } from './answers.ts'
import type { Call, Method } from './client.ts'
import { Failure } from './failure.ts'
import { type Session, understood } from './session.ts'
import { durationMs } from './times.ts'

/** The longest that control waits for in one call. */
const waitMostMs = 60_000
const waitDefaultMs = 30_000

export interface ChangeFlags {
  readonly dryRun?: boolean
  /** False: `--no-wait`. */
  readonly wait?: boolean
  readonly timeout?: number
}

export interface Change {
  readonly method: Method
  readonly path: string
  readonly body?: unknown
  readonly ifMatch?: string
}

/** What came of it; null: it was a dry run, which has been printed. */
export async function ask(
  session: Session,
  flags: ChangeFlags,
  { method, path, body, ifMatch }: Change,
): Promise<unknown> {
  const wait = flags.wait === true && !flags.dryRun
  const timeoutMs = Math.min(flags.timeout ?? waitDefaultMs, waitMostMs)
  const call: Call = {
    ...(body !== undefined && { body }),
    ...(ifMatch && { ifMatch }),
    query: {
      ...(flags.dryRun && { dryRun: true }),
      ...(wait && { wait: 'active', timeout: `${timeoutMs}ms` }),
    },
    ...(wait && { waitMs: timeoutMs }),
  }
  const answer = await session.client.call(method, path, call)
  if (!flags.dryRun) return answer
  printDryRun(session, answer)
  return null
}

export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'show what would happen, and change nothing')

/** For changes whose proof comes within moments. */
export const withWait = (command: Command): Command =>
  command
    .option('--no-wait', 'end when it is accepted, before every agent has acknowledged')
    .addOption(
      new Option('--timeout <duration>', 'wait at most this long, 60s at most')
        .argParser(durationMs)
        .default(waitDefaultMs, '30s'),
    )

/** After a question on a terminal would be rude to scripts: destructive commands want `--yes`. */
export function confirmed(
  flags: { readonly yes?: boolean; readonly dryRun?: boolean },
  what: string,
) {
  if (flags.yes || flags.dryRun) return
  throw new Failure({
    ending: 'usage',
    what: `${what} cannot be undone`,
    fix: 'Look at it with --dry-run, then say --yes.',
  })
}

function printDryRun(session: Session, answer: unknown): void {
  session.print(answer, () => {
    const view = understood(dryRun, answer, 'the dry run')
    const { paint } = session
    const changes = Object.entries(view.clusters).flatMap(([cluster, { words, omitted }]) => [
      paint('bold', cluster),
      ...(words.length > 0 ? words.map((sentence) => `  ${sentence}`) : ['  nothing changes']),
      ...(omitted > 0 ? [`  and ${omitted} more objects`] : []),
    ])
    const asked = Map.groupBy(view.agents, ({ why }) => why)
    const agents = [...asked].map(([why, all]) => {
      const list = all.map(({ now, ...ref }) =>
        now === 'current' ? agentPlace(ref) : `${agentPlace(ref)} (${now})`,
      )
      return `${why}: ${list.join(', ')}`
    })
    const warnings = view.warnings.map(({ message }) => paint('yellow', `warning: ${message}`))
    const head = `Nothing has changed. It would become revision ${view.revision}.`
    return [head, ...changes, ...agents, ...warnings]
  })
}
