/** Completion as a shell does it: bash is really run, and zsh and fish where they are. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScene, type Scene } from './scene.ts'

const execute = promisify(execFile)
const bin = resolve(import.meta.dirname, '../../cli/switchyard.mjs')

let scene: Scene
let folder: string
beforeAll(async () => {
  scene = await openScene()
  await scene.openShop()
  folder = mkdtempSync(join(tmpdir(), 'switchyard-completion-'))
  writeFileSync(join(folder, 'switchyard'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`)
  chmodSync(join(folder, 'switchyard'), 0o755)
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out, code } = await scene.desk.run(['completion', shell])
    expect(code).toBe(0)
    writeFileSync(join(folder, `completion.${shell}`), out)
  }
})
afterAll(async () => {
  await scene.close()
  rmSync(folder, { recursive: true })
})

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

describe.runIf(has('bash'))('bash', () => {
  /** What bash offers for the last word. Asynchronous: the script asks the control of this process. */
  async function offered(line: string): Promise<string[]> {
    const words = line.split(' ')
    const script = `
source ${join(folder, 'completion.bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_switchyard
printf '%s\\n' "\${COMPREPLY[@]}"`
    const env = {
      HOME: folder,
      PATH: `${folder}:${process.env.PATH}`,
      SWITCHYARD_URL: scene.control.url,
      SWITCHYARD_TOKEN: scene.control.adminToken,
    }
    return new Promise((done, failed) => {
      execFile('bash', ['-c', script], { env, cwd: folder }, (error, out, err) =>
        error || err ? failed(error ?? new Error(err)) : done(out.trim().split('\n')),
      )
    })
  }

  it.each([
    ['switchyard rele', ['release']],
    ['switchyard release pro', ['promote']],
    ['switchyard -o json release re', ['resume']],
    ['switchyard -o ', ['table', 'wide', 'json', 'yaml']],
    ['switchyard release create shop 2 --strategy can', ['canary']],
    ['switchyard release create --preview-p', ['--preview-path']],
    ['switchyard release create --conte', ['--context']],
    ['switchyard backup --sta', ['--state']],
    ['switchyard app put shop -f completion.z', ['completion.zsh']],
    ['switchyard na', ['']],
  ])('%s', async (line, expected) => {
    expect(await offered(line)).toEqual(expected)
  })

  it('names are those that control has', async () => {
    expect(await offered('switchyard release promote sh')).toEqual(['shop-r1'])
    expect(await offered('switchyard app show ')).toEqual(['shop'])
    expect(await offered('switchyard cluster show e')).toEqual(['eu-1'])
  })
})

const environment = () => ({
  HOME: folder,
  PATH: `${folder}:${process.env.PATH}`,
  TERM: 'xterm',
  LANG: 'C.UTF-8',
  SWITCHYARD_URL: scene.control.url,
  SWITCHYARD_TOKEN: scene.control.adminToken,
})
for (const shell of ['zsh', 'fish']) {
  if (!has(shell)) console.warn(`skipped: ${shell} is not installed, its completion is not tried`)
}

describe.runIf(has('fish'))('fish', { timeout: 60_000 }, () => {
  async function offered(line: string): Promise<string[]> {
    const script = `source ${join(folder, 'completion.fish')}; complete -C '${line}'`
    const options = { env: environment(), cwd: folder }
    const { stdout, stderr } = await execute('fish', ['--no-config', '-c', script], options)
    expect(stderr).toBe('')
    return stdout
      .trim()
      .split('\n')
      .map((offer) => offer.split('\t')[0]!)
  }

  it.each([
    ['switchyard rele', ['release']],
    ['switchyard release pro', ['promote']],
    ['switchyard -o json release re', ['resume']],
    ['switchyard release create shop 2 --strategy can', ['canary']],
    ['switchyard release create --preview-p', ['--preview-path']],
    ['switchyard release promote sh', ['shop-r1']],
    ['switchyard app put shop -f completion.z', ['completion.zsh']],
  ])('%s', async (line, expected) => {
    expect(await offered(line)).toEqual(expected)
  })
})

describe.runIf(has('zsh') && has('script'))('zsh', { timeout: 60_000 }, () => {
  /** zsh completes only at a prompt: one on a terminal, with a Tab typed into it. */
  async function completed(line: string, expected: string): Promise<void> {
    const zsh = spawn('script', ['-qec', 'stty cols 200; exec zsh -f -i', '/dev/null'], {
      cwd: folder,
      env: environment(),
    })
    let out = ''
    zsh.stdout.on('data', (bytes: Buffer) => {
      out += bytes
    })
    const shown = () => stripVTControlCharacters(out).replaceAll('\u0007', '')
    const says = (mark: string) => expect.poll(shown, { timeout: 20_000 }).toContain(mark)
    try {
      const script = join(folder, 'completion.zsh')
      zsh.stdin.write(`autoload -Uz compinit && compinit -u; source ${script}; echo "beg"in\n`)
      await says('begin')
      out = ''
      zsh.stdin.write(`${line}\t`)
      await says(expected)
    } finally {
      zsh.kill()
    }
  }

  it.each([
    ['switchyard rele', 'switchyard release '],
    ['switchyard release prom', 'switchyard release promote '],
    ['switchyard release create --preview-p', '--preview-path'],
    ['switchyard release create shop 2 --strategy can', '--strategy canary '],
    ['switchyard release promote sh', 'promote shop-r1 '],
  ])('%s', (line, expected) => completed(line, expected))
})

it('a shell that is not known is refused', async () => {
  expect(await scene.desk.run(['completion', 'csh'])).toMatchObject({ code: 2 })
})

describe('doctor', () => {
  it('says that all is well', async () => {
    await scene.settle()
    const ran = await scene.desk.run(['doctor'])
    expect(ran, ran.out + ran.err).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/^ok +control +ready, revision \d+$/m)
    expect(ran.out).toMatch(/^ok +token +admin: admin$/m)
    expect(ran.out).toMatch(/^ok +agents of eu-1 +all 1 are current$/m)
  })

  it('names a freeze and a release that waits, and ends with 0', async () => {
    await scene.desk.run(['freeze', 'set', 'night', '--until', '2h', '--reason', 'asleep'])
    await scene.desk.run(['release', 'create', 'shop', '2'])
    await scene.settle()
    const ran = await scene.desk.run(['doctor'])
    expect(ran.code, ran.out + ran.err).toBe(0)
    expect(ran.out).toMatch(/^warn +releases +shop-r2 waits: frozen by "night"/m)
    expect(ran.out).toMatch(/^warn +freezes +night until .*: asleep$/m)
    expect(ran.err).toContain('freezes: switchyard freeze lift night')
    await scene.desk.run(['release', 'abort', 'shop-r2', '--no-wait'])
    await scene.desk.run(['freeze', 'lift', 'night'])
  })

  it('names what is not, what to do, and ends with 1', async () => {
    await scene.settle({ drift: 'the table in memory is another one' })
    const ran = await scene.desk.run(['doctor'])
    expect(ran.code).toBe(1)
    expect(ran.out).toMatch(/^fail +agents of eu-1 +eu-1-a is drifting/m)
    expect(ran.err).toContain('switchyard agent show eu-1 eu-1-a')
    await scene.settle()
    const env = { SWITCHYARD_URL: 'http://127.0.0.1:9' }
    const away = await scene.desk.run(['doctor', '-o', 'json'], { env })
    expect(away.code).toBe(1)
    expect(JSON.parse(away.out).findings).toMatchObject([{ state: 'ok' }, { state: 'fail' }])
    const stranger = { SWITCHYARD_TOKEN: 'swy_admin_no' }
    expect(await scene.desk.run(['doctor'], { env: stranger })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^fail +token/m),
    })
  })
})
