/** `release create` and `undo`: how a version goes live, said in flags; with `--watch` a whole CI step. */
import { type Command, Option } from 'commander'
import { release as shape } from '../answers.ts'
import { ask, withDryRun } from '../change.ts'
import { list } from '../lists.ts'
import { hour, type WatchFlags, withWatch } from '../live/flags.ts'
import { watchRelease } from '../live/watch.ts'
import { type PlanFlags, planOf } from '../release-plan.ts'
import { type Session, understood } from '../session.ts'
import { durationMs } from '../times.ts'
import { releaseLines } from './release-lines.ts'

export function releaseCreate(noun: Command, session: Session): void {
  const create = noun
    .command('create')
    .description('start a version beside the live one, and bring it live by a strategy')
    .argument('<app>')
    .argument('<version>')
    .option('--image <image>', 'Kubernetes: the image of its pods')
    .option('--deployment <name>', 'Kubernetes: a Deployment that is there, as it is')
  withPlan(create).action(
    (app: string, version: string, { image, deployment, ...flags }: CreateFlags) =>
      createOne(session, flags, { app, version, image, deployment, ...planOf(flags) }),
  )
  const undo = noun
    .command('undo')
    .description('bring the version of a former release live again, as a new release')
    .argument('<id>', 'the former release')
  withPlan(undo).action((id: string, flags: PlanFlags & WatchFlags) =>
    createOne(session, flags, { app: id.replace(/-r\d+$/, ''), undo: id, ...planOf(flags) }),
  )
}

interface CreateFlags extends PlanFlags, WatchFlags {
  readonly image?: string
  readonly deployment?: string
}

async function createOne(session: Session, flags: WatchFlags, body: object): Promise<void> {
  const { wait: _, timeout, ...asked } = flags
  const answer = await ask(session, asked, { method: 'POST', path: '/v1/releases', body })
  if (answer === null) return
  const made = understood(shape, answer, 'POST /v1/releases')
  if (!flags.watch) return session.print(answer, () => releaseLines(session, made))
  session.say(`${made.id} is made; what happens to it from here on goes on without this command.`)
  const timeoutMs = timeout ?? hour
  await watchRelease(session, { id: made.id, until: flags.until, patient: false, timeoutMs })
}

function withPlan(command: Command): Command {
  return withWatch(withDryRun(command))
    .addOption(
      new Option('--strategy <name>', 'how it goes live; canary when there are --steps').choices([
        'blue-green',
        'blueGreen',
        'canary',
        'rolling',
      ]),
    )
    .option('--cluster <clusters>', 'only these, comma-separated; left out: all of the app', list)
    .option('--steps <steps>', 'canary: "10,25:5m,50:promote", percent and the pause after it')
    .option('--waves <waves>', 'clusters in turn: "eu-1:10m;us-1,us-2", with the pause after each')
    .option('--preview-path <path>', 'try it at this path before it is public')
    .option('--preview-header <field>', 'try it with this header: "x-preview: yes"')
    .option('--preview-host <host>', 'try it at this host')
    .option('--preview-links', 'signed, expiring links to it may be made')
    .option('--target-header <field>', 'canary: requests with this header get it in any case')
    .option('--target-cookie <name=value>', 'canary: requests with this cookie get it in any case')
    .option('--max-surge <count>', 'rolling: copies above the number asked for: 1 or 25%')
    .option('--max-unavailable <count>', 'rolling: copies that may be missing: 0 or 25%')
    .option(
      '--min-ready <duration>',
      'rolling: a copy counts when it was ready so long',
      durationMs,
    )
    .option(
      '--progress-deadline <duration>',
      'rolling: no progress for so long pauses it',
      durationMs,
    )
    .option('--auto-promote', 'begin once it is ready')
    .option('--no-auto-promote', 'wait for `release promote` in any case')
    .addOption(
      new Option('--when-silent <what>', 'an agent that does not answer').choices([
        'abort',
        'proceed',
      ]),
    )
    .option('--deadline <duration>', 'how long a switch waits for every agent', durationMs)
}
