/** What moves a release: promote, pause, resume, approve, abort, rollback, decommission. */
import type { Command } from 'commander'
import { release as shape } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun, withWait } from '../change.ts'
import { usage } from '../failure.ts'
import { type WatchFlags, withWatch } from '../live/flags.ts'
import { watchRelease } from '../live/watch.ts'
import { type Session, understood } from '../session.ts'
import { releaseLines } from './release-lines.ts'

interface PromoteFlags extends WatchFlags {
  readonly full?: boolean
  readonly override?: string
}

export function releaseMotions(noun: Command, session: Session): void {
  const promote = noun
    .command('promote')
    .description('begin with the steps of a release, or go on with the next one')
    .argument('<id>')
    .option('--full', 'to the end at once: everywhere, all traffic')
    .option('--override <reason>', 'in spite of a freeze or of missing approvals; needs its scope')
    .option('--no-wait', 'end when it is accepted, before every agent has acknowledged')
  withWatch(withDryRun(promote)).action(async (id: string, flags: PromoteFlags) => {
    if (flags.override?.trim() === '') throw usage('--override needs a reason, for the audit')
    const body = {
      ...(flags.full && { full: true }),
      ...(flags.override && { override: { reason: flags.override } }),
    }
    const asked = flags.watch ? { ...flags, wait: false } : flags
    const answer = await ask(session, asked, { method: 'POST', path: path(id, 'promote'), body })
    if (answer === null) return
    if (!flags.watch) return show(session, answer)
    const { until, timeout = null } = flags
    await watchRelease(session, { id, until, patient: false, timeoutMs: timeout })
  })

  const motion = (
    name: string,
    description: string,
    { more = asItIs, reasoned = false }: Motion = {},
  ) => {
    const command = noun.command(name).description(description).argument('<id>')
    more(withDryRun(command)).action(async (id: string, flags: ChangeFlags) => {
      const { reason } = session
      const body = reasoned && reason !== null ? { reason } : {}
      const answer = await ask(session, flags, { method: 'POST', path: path(id, name), body })
      if (answer !== null) show(session, answer)
    })
  }
  motion('pause', 'let nothing more follow by itself: no step, no copy; --reason is shown', {
    reasoned: true,
  })
  motion('resume', 'go on after a pause')
  motion('approve', 'approve a release of somebody else that asks for it', { reasoned: true })
  motion('abort', 'give up a release; what it has of the traffic goes back first', {
    more: withWait,
  })
  motion('rollback', 'send the public traffic back to the release before, at once', {
    more: withWait,
  })
  motion('decommission', 'remove a release once nothing uses it')
}

interface Motion {
  readonly more?: (command: Command) => Command
  /** Its body takes the reason too: it is shown with the release. */
  readonly reasoned?: boolean
}

const asItIs = (command: Command): Command => command

const path = (id: string, motion: string) => `/v1/releases/${encodeURIComponent(id)}/${motion}`

const show = (session: Session, answer: unknown): void =>
  session.print(answer, () => releaseLines(session, understood(shape, answer, 'the release')))
