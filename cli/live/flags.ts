/** The flags of commands that watch a release. */
import { type Command, Option } from 'commander'
import type { ChangeFlags } from '../change.ts'
import { usage } from '../failure.ts'
import { durationMs } from '../times.ts'
import { type Goal, goals } from './outcome.ts'

export interface WatchFlags extends ChangeFlags {
  readonly watch?: boolean
  readonly until: Goal
}

export const hour = 3_600_000

export const untilOption = (): Option =>
  new Option('--until <goal>', 'watch until it is this').choices(goals).default('live')

/** A job of CI has an end; a person may say another. */
export const withWatch = (command: Command): Command =>
  command
    .option('--watch', 'go on until it is live; where somebody has to decide, say so and end')
    .addOption(untilOption())
    .addOption(
      new Option('--timeout <duration>', 'with --watch: give up watching after this long')
        .argParser(durationMs)
        .default(hour, '1h'),
    )
    .hook('preAction', (asked) => {
      // Silently left aside, a job of CI would go on too early.
      const isGiven = (name: string) => asked.getOptionValueSource(name) === 'cli'
      if (isGiven('watch') || !(isGiven('until') || isGiven('timeout'))) return
      throw usage(`--${isGiven('until') ? 'until' : 'timeout'} is about watching`, 'Add --watch.')
    })
