/** The program itself: on a terminal of its own, behind pipes, under any Node, from any folder. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScene, type Scene } from './scene.ts'

const bin = resolve(import.meta.dirname, '../../cli/switchyard.mjs')
const root = resolve(import.meta.dirname, '../..')

let scene: Scene
let folder: string
beforeAll(async () => {
  scene = await openScene()
  await scene.openShop()
  folder = mkdtempSync(join(tmpdir(), 'switchyard-terminal-'))
})
afterAll(async () => {
  await scene.close()
  rmSync(folder, { recursive: true })
})

const environment = () => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  TERM: 'xterm-256color',
  SWITCHYARD_URL: scene.control.url,
  SWITCHYARD_TOKEN: scene.control.adminToken,
})

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}
const run = (command: string, args: readonly string[], env: object = {}, cwd = folder) =>
  new Promise<Ended>((done) => {
    const options = { cwd, env: { ...environment(), ...env }, timeout: 15_000 }
    execFile(command, args, options, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })

/** util-linux's `script` gives a command a terminal; macOS has another one. */
const hasScript = (() => {
  try {
    return /util-linux/.test(execFileSync('script', ['--version'], { encoding: 'utf8' }))
  } catch {
    return false
  }
})()
if (!hasScript) console.warn('skipped: tests on a terminal need `script` of util-linux')

describe.runIf(hasScript)('on a terminal', () => {
  const onTerminal = (line: string, columns: number) => {
    const command = `stty cols ${columns} rows 50; exec ${process.execPath} ${bin} ${line}`
    return spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env: environment() })
  }

  it('a live view is drawn in place, in colours, and ends with what came of it', async () => {
    const child = onTerminal('release create shop 2 --auto-promote --watch', 80)
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk
    })
    const ended = new Promise<number | null>((done) => child.on('close', done))
    const seen = new Promise<void>((done) => {
      child.stdout.on('data', () => out.includes('starting') && done())
    })
    await seen
    expect(await scene.following(ended)).toBe(0)
    expect(out).toMatch(/\u001b\[\d+A\r/)
    expect(out).toContain('\u001b[32m')
    expect(out.indexOf('\u001b[?25l')).toBeLessThan(out.indexOf('\u001b[?25h'))
    const text = stripVTControlCharacters(out)
    expect(text).toMatch(/AGENT +CLUSTER +STATE +REVISION +READY +IN USE +APPLIED/)
    expect(text).toMatch(/skew +\d+\.\d ms ± \d+\.\d ms/)
    expect(text).toMatch(/ledger +0 in use/)
    expect(text.trimEnd()).toMatch(/shop-r2 is live, after \d+\w+$/)
    for (const line of text.split(/[\r\n]+/)) expect([...line].length).toBeLessThanOrEqual(80)
  })

  it('Ctrl-C gives the cursor back and leaves the release going on', async () => {
    const child = onTerminal('release create shop 3 --watch', 100)
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      const before = out.includes('starting')
      out += chunk
      if (!before && out.includes('starting')) child.stdin.write('\u0003')
    })
    const code = await new Promise<number | null>((done) => child.on('close', done))
    expect(code).toBe(130)
    expect(out.lastIndexOf('\u001b[?25h')).toBeGreaterThan(out.lastIndexOf('\u001b[?25l'))
    expect(stripVTControlCharacters(out)).toContain('the release goes on: starting')
  })

  it('NO_COLOR is respected, and a table fits', async () => {
    const child = onTerminal('release list', 60)
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk
    })
    await new Promise((done) => child.on('close', done))
    expect(out).toContain('\u001b[')
    for (const line of stripVTControlCharacters(out).split(/\r?\n/)) {
      expect([...line].length).toBeLessThanOrEqual(60)
    }
    const plain = spawn(
      'script',
      ['-qec', `${process.execPath} ${bin} release list`, '/dev/null'],
      { cwd: folder, env: { ...environment(), NO_COLOR: '1' } },
    )
    let text = ''
    plain.stdout.on('data', (chunk: Buffer) => {
      text += chunk
    })
    await new Promise((done) => plain.on('close', done))
    expect(text).toContain('shop-r1')
    expect(text).not.toContain('\u001b[3')
  })
})

describe('as a program', () => {
  it('says so when there is no Node that is new enough', async () => {
    const alone = join(folder, 'alone/cli')
    mkdirSync(alone, { recursive: true })
    copyFileSync(bin, join(alone, 'switchyard.mjs'))
    const old = /^v(1\d|20|22)\./
    const nodes = ['/usr/bin/node', '/usr/local/bin/node'].filter((path) => {
      const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
      return old.test(stdout ?? '')
    })
    if (nodes.length === 0) return console.warn('skipped: this machine has no old Node')
    const ran = await run(nodes[0]!, [join(alone, 'switchyard.mjs'), 'version'])
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('is too old') })
    expect(ran.err).toContain('npm ci')
  })

  it('writes no colours to a pipe, and ends with the code of the table', async () => {
    const listed = await run(bin, ['release', 'list'])
    expect(listed).toMatchObject({ code: 0, err: '' })
    expect(listed.out).not.toContain('\u001b')
    expect(await run(bin, ['app', 'show', 'none'])).toMatchObject({ code: 4, out: '' })
    expect(await run(bin, [])).toMatchObject({ code: 2 })
    const help = await run(bin, ['--help'])
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes:') })
  })

  it('a reader that goes away is no failure', async () => {
    const line = `"${bin}" audit -o json | head -1; exit \${PIPESTATUS[0]}`
    const ran = await run('bash', ['-c', line])
    expect(ran).toMatchObject({ code: 0, err: '' })
  })

  it('runs by npm from any folder, which is where paths and .switchyard are meant', async () => {
    const state = join(folder, '.switchyard')
    mkdirSync(join(state, 'control'), { recursive: true })
    const control = Number(new URL(scene.control.url).port)
    writeFileSync(join(state, 'fleet.json'), JSON.stringify({ ports: { control } }))
    writeFileSync(join(state, 'control', 'admin.token'), `${scene.control.adminToken}\n`)
    const env = { SWITCHYARD_URL: '', SWITCHYARD_TOKEN: '' }
    const args = [
      '--prefix',
      root,
      'run',
      '-s',
      'switchyard',
      '--',
      'context',
      'show',
      '-o',
      'json',
    ]
    const ran = await run('npm', args, env)
    expect(ran.code, ran.err).toBe(0)
    expect(JSON.parse(ran.out)).toMatchObject({
      url: scene.control.url,
      source: expect.stringContaining('.switchyard'),
      token: { name: 'admin', scopes: ['admin'] },
    })
  })

  it('a backup and a restore are done by control itself', async () => {
    const state = scene.control.folder.path
    const file = join(folder, 'control.backup')
    const made = await run(bin, ['backup', file, '--state', state])
    expect(made, made.err).toMatchObject({ code: 0, out: expect.stringContaining('private keys') })
    expect(statSync(file).size).toBeGreaterThan(0)
    const other = join(folder, 'restored')
    expect(await run(bin, ['restore', file, '--state', other])).toMatchObject({ code: 0 })
    expect(await run(bin, ['restore', file, '--state', other])).toMatchObject({ code: 1 })
    expect(await run(bin, ['recover', '--yes', '--state', other])).toMatchObject({ code: 0 })
  })
})
