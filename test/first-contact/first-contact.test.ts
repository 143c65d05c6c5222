/**
 * What somebody does who has just found the project: clone, one line, the README's commands, Ctrl-C.
 * Runs on the Node that the machine has, in a clone, with nothing of this checkout in the environment.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../deploy/local/ports.ts'
import { descendants, runningProcesses } from '../../deploy/local/processes.ts'
import { until } from '../../deploy/local/until.ts'
import { openShell } from './shell.ts'
import { atPortBase, mismatch, transcripts } from './transcript.ts'

const root = resolve(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The environment of a person: no npm variables, and no node of this checkout. */
const environment = {
  HOME: process.env.HOME,
  LANG: 'C.UTF-8',
  PATH: (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':'),
  npm_config_cache: process.env.npm_config_cache,
}

describe('first contact', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'swy-clone-'))
  const clone = join(folder, 'switchyard')
  let base = 0
  let start: ChildProcess | null = null

  const left = () => runningProcesses().filter(({ command }) => command.includes(clone))

  async function npmStart(): Promise<string> {
    const one = spawn('npm', ['start', '--', '--port-base', String(base)], {
      cwd: clone,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    start = one
    let printed = ''
    const collect = (bytes: Buffer) => {
      printed += bytes.toString()
    }
    one.stdout.on('data', collect)
    one.stderr.on('data', collect)
    await until(
      'npm start says what to try',
      () => {
        if (one.exitCode !== null) throw new Error(`npm start ended: ${printed}`)
        return printed
      },
      (text) => text.includes('Try it') && text.includes('everything that has happened'),
      90_000,
    )
    return printed
  }

  /** What a terminal does: SIGINT to the foreground process group. */
  async function ctrlC(): Promise<number | null> {
    const one = start!
    const ended = new Promise<number | null>((done) => one.once('exit', (code) => done(code)))
    process.kill(-one.pid!, 'SIGINT')
    return ended
  }

  beforeAll(async () => {
    base = (await freePorts(['eu-1', 'us-1'], 2)).control
    execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' })
    execFileSync('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--silent'], {
      cwd: clone,
      env: environment,
      stdio: 'inherit',
    })
  }, 240_000)

  afterAll(() => {
    for (const { pid } of left()) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  test('npm start reaches a 200, and every command of the README does what it shows', async () => {
    const printed = await npmStart()
    expect(printed).toContain('shop 0.0.1 is live')
    expect(printed).not.toContain('\u001b[')
    const shell = openShell({ folder: clone, environment, both: true })
    const typed = transcripts(readme)
    expect(typed.length).toBeGreaterThan(5)
    for (const { command, expected } of typed) {
      if (command.startsWith('npm ')) continue
      const asked = atPortBase(command, base)
      const wanted = expected.map((line) => atPortBase(line, base))
      // What only looks may be asked again: an agent learns of a change a moment later.
      const again = command.startsWith('curl ') && !command.includes('--json')
      await until(
        command,
        async () => mismatch(await shell.run(asked), wanted),
        (wrong) => wrong === null,
        again ? 15_000 : 0,
        250,
      )
    }
    shell.close()
  })

  test('Ctrl-C leaves no process behind', async () => {
    expect(left().length).toBeGreaterThan(5)
    expect(await ctrlC()).toBe(0)
    await until('all are gone', left, (list) => list.length === 0, 10_000)
  })

  test('a second start finds its state again', async () => {
    const printed = await npmStart()
    expect(printed).toContain('shop 0.0.2 is live')
    expect(await ctrlC()).toBe(0)
    await until('all are gone', left, (list) => list.length === 0, 10_000)
  })

  test('when the start itself is killed with -9, what it had started goes too', async () => {
    await npmStart()
    const leader = descendants(start!.pid!).find(({ command }) => /start\.ts/.test(command))
    process.kill(leader!.pid, 'SIGKILL')
    await until('all are gone', left, (list) => list.length === 0, 30_000)
  })
})
