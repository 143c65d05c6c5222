/**
 * `backup`, `restore`, `recover`: work on the state folder of control, on its machine, by control's own
 * program; no call of the API could do it, because a backup holds the private keys.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Failure } from '../failure.ts'
import type { Session } from '../session.ts'

export function stateNoun(program: Command, session: Session): void {
  const folder = '.switchyard/control'
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(`${description}. Runs \`control ${name}\` on this machine`)
      .option('--state <folder>', "control's state folder, on this machine", folder)
  command('backup', 'copy log, keys and tokens of control into one file, also while it runs')
    .argument('<file>', 'the file to make; it will hold private keys')
    .action((file: string, { state }: { state: string }) =>
      control(session, 'backup', state, resolve(session.desk.folder, file)),
    )
  command('restore', 'fill a state folder without a log from a backup')
    .argument('<file>', 'a file that `backup` made')
    .action((file: string, { state }: { state: string }) =>
      control(session, 'restore', state, resolve(session.desk.folder, file)),
    )
  command('recover', 'raise the epoch: what this log says counts, even where agents are ahead')
    .option('--yes', 'it is meant; stop control first')
    .action(({ state, yes }: { state: string; yes?: boolean }) => {
      if (yes) return control(session, 'recover', state)
      throw new Failure({
        ending: 'usage',
        what: 'recover sends the whole fleet back to what this log says',
        fix: 'Look at `switchyard release list` first; then say --yes.',
      })
    })
}

async function control(session: Session, name: string, state: string, file?: string) {
  const { desk } = session
  const path = resolve(desk.folder, state)
  if (name !== 'restore' && !existsSync(path)) {
    throw new Failure({
      ending: 'usage',
      what: `there is no state folder ${path}`,
      fix: "Say --state FOLDER: the one that control was started with, on control's machine.",
    })
  }
  const main = resolve(import.meta.dirname, '../../control/main.ts')
  const args = [main, name, ...(file === undefined ? [] : [file]), '--state', path]
  session.say(`control ${args.slice(1).join(' ')}`)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (chunk: Buffer) => desk.out.write(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => desk.err.write(chunk.toString()))
  const code = await new Promise<number | null>((ended, failed) => {
    child.on('error', failed).on('close', ended)
  })
  if (code === 0) return
  throw new Failure({
    ending: 'failed',
    what: `control ${name} ended with ${code}`,
    where: path,
    ...(code === 3 && { fix: 'Another control works on this folder: stop it first.' }),
  })
}
