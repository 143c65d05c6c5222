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

interface MotionFlags extends ChangeFlags {
  readonly reason?: string
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

  const motion = (name: string, description: string, more: (command: Command) => Command) => {
    const command = noun.command(name).description(description).argument('<id>')
    more(withDryRun(command)).action(async (id: string, flags: MotionFlags) => {
      const body = flags.reason === undefined ? {} : { reason: flags.reason }
      const answer = await ask(session, flags, { method: 'POST', path: path(id, name), body })
      if (answer !== null) show(session, answer)
    })
  }
  const withReason = (command: Command) => command.option('--reason <text>', 'why, for the audit')
  const asItIs = (command: Command) => command
  motion('pause', 'let nothing more follow by itself: no step, no copy', withReason)
  motion('resume', 'go on after a pause', asItIs)
  motion('approve', 'approve a release of somebody else that asks for it', withReason)
  motion('abort', 'give up a release; what it has of the traffic goes back first', withWait)
  motion('rollback', 'send the public traffic back to the release before, at once', withWait)
  motion('decommission', 'remove a release once nothing uses it', asItIs)
}

const path = (id: string, motion: string) => `/v1/releases/${encodeURIComponent(id)}/${motion}`

const show = (session: Session, answer: unknown): void =>
  session.print(answer, () => releaseLines(session, understood(shape, answer, 'the release')))
