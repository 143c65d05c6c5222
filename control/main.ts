/** Control's entry under Node: environment, clock, signals and exit codes (`control --help` lists them). */
import { existsSync } from 'node:fs'
import { CommanderError } from 'commander'
import { createSay, stackOf } from '#wire/log-line.ts'
import { crashAt, crashingLog, type Step } from './crash-points.ts'
import { restoreBackup, writeBackup } from './node/backup.ts'
import { readBeginning } from './node/beginning.ts'
import type { CommandOptions } from './node/commands.ts'
import { type Commands, controlCommand } from './node/flags.ts'
import { openStateFolder, type StateFolder } from './node/folder.ts'
import { FolderInUse, lockFolder } from './node/lock.ts'

const exitCodes = { failed: 1, usage: 2, inUse: 3 } as const

const say = (line: string) => process.stdout.write(`${line}\n`)

const commandOptions = (folder: StateFolder, step: Step): CommandOptions => ({
  folder,
  now: Date.now,
  monotonicMs: () => performance.now(),
  wrapLog: (log) => crashingLog(log, step),
})

/** A folder that must be there already. */
function existing(path: string): string {
  if (!existsSync(path)) throw new Error(`${path} does not exist; run \`control init\` first`)
  return path
}

/** Alone on the folder while `work` runs. */
async function alone<T>(
  path: string,
  step: Step,
  work: (folder: StateFolder) => Promise<T>,
): Promise<T> {
  const folder = openStateFolder(path, step)
  const lock = lockFolder(folder.path)
  try {
    return await work(folder)
  } finally {
    lock.release()
  }
}

const commandsWith = (step: Step): Commands => ({
  init({ state, cluster = [], from }) {
    const beginning = from === undefined ? null : readBeginning(from)
    return alone(state, step, async (folder) => {
      const { init } = await import('./node/commands.ts')
      const clusters = beginning ? [...beginning.enrolmentTokens.keys()] : cluster
      const changed = await init(commandOptions(folder, step), clusters, beginning)
      const tokens = from ?? 'admin.token and enrol-<cluster>.token'
      say(
        changed.length > 0
          ? `${folder.path}: added ${changed.join(', ')}; tokens are in ${tokens}`
          : `${folder.path}: nothing to do`,
      )
    })
  },
  recover: ({ state }) =>
    alone(existing(state), step, async (folder) => {
      const { recover } = await import('./node/commands.ts')
      const number = await recover(commandOptions(folder, step))
      say(`${folder.path}: epoch ${number} has begun; the next start publishes what this log says`)
    }),
  token: ({ state, name, scope }) =>
    alone(existing(state), step, async (folder) => {
      const { makeOperatorToken } = await import('./node/commands.ts')
      say(await makeOperatorToken(commandOptions(folder, step), name, scope))
    }),
  async backup(file, { state }) {
    writeBackup(openStateFolder(existing(state)), file)
    say(`${file}: written; it holds private keys`)
  },
  restore: (file, { state }) =>
    alone(state, step, async (folder) => {
      await restoreBackup(file, folder)
      say(
        `${folder.path}: restored; when agents are ahead of it, start says so and recover settles it`,
      )
    }),
  async export(file, { state }) {
    const { writeTransfer } = await import('./node/transfer-file.ts')
    await writeTransfer(openStateFolder(existing(state)), file)
    say(`${file}: written; it holds private keys`)
  },
  import: (file, { state }) =>
    alone(state, step, async (folder) => {
      const { importTransfer } = await import('./node/transfer-file.ts')
      const { records, epochNumber } = await importTransfer(file, commandOptions(folder, step))
      say(`${folder.path}: ${records} records; epoch ${epochNumber} has begun`)
    }),
  start: ({ state, listen, host, nats, natsCredentials, logFormat, readLimit, changeLimit }) =>
    alone(existing(state), step, async (folder) => {
      const startedMs = performance.now()
      const log = createSay({
        format: logFormat,
        base: { program: 'control', pid: process.pid },
        now: Date.now,
        write: (line) => process.stderr.write(line),
      })
      // Loaded only here, so that the short commands and `--help` are quick.
      const { serve } = await import('./node/serve.ts')
      const credentialsFile = natsCredentials ?? folder.file('nats-users.json')
      const served = await serve({
        folder,
        listen,
        hosts: host,
        nats: nats ? { servers: nats, credentialsFile } : null,
        rates: { reads: readLimit, changes: changeLimit },
        step,
        say: log,
        onFatal(error) {
          log('control-failed', stackOf(error))
          process.exit(exitCodes.failed)
        },
      })
      const told = toldToStop()
      log('control-started', 'the API answers', {
        url: served.url,
        revision: served.control.turns.state().position,
        ms: Math.round(performance.now() - startedMs),
      })
      say(`control listens on ${served.url}`)
      await told
      await served.stop()
      say('control has stopped')
      log('control-stopped', 'everything open has ended')
    }),
})

const toldToStop = () =>
  new Promise<unknown>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    // Started by a fleet: the channel closes when the one who started it has died.
    if (process.channel) process.once('disconnect', () => resolve('disconnect'))
    if (process.connected === false) resolve('disconnect')
  })

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage
  console.error(`control: ${error instanceof Error ? error.message : error}`)
  return error instanceof FolderInUse ? exitCodes.inUse : exitCodes.failed
}

if (import.meta.main) {
  try {
    const step = crashAt(process.env.SWITCHYARD_CRASH_AT, () => {
      process.kill(process.pid, 'SIGKILL')
    })
    await controlCommand(commandsWith(step)).parseAsync()
    process.exit(0)
  } catch (error) {
    process.exit(exitCodeOf(error))
  }
}
