/** Control's command line, as processes. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeKeys } from './trust/keys.ts'
import { makeToken } from './trust/tokens.ts'

const script = resolve(import.meta.dirname, 'main.ts')

interface Launched {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  /** Resolves with the first group of the pattern once the output has it. */
  says(pattern: RegExp): Promise<string>
}

describe('the command line of control', () => {
  let root: string
  let state: string
  const started: Launched[] = []
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'switchyard-main-'))
    state = join(root, 'state')
  })
  afterEach(async () => {
    for (const { child, ended } of started.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    rmSync(root, { recursive: true })
  })

  function launch(...args: string[]): Launched {
    const child = spawn(process.execPath, [script, ...args])
    let output = ''
    const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
      child.once('close', (code) => resolve({ code, output }))
    })
    const says = (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const look = () => pattern.test(output) && resolve(pattern.exec(output)![1] ?? '')
        child.stdout.on('data', look)
        void ended.then(() => reject(new Error(`ended without ${pattern}: ${output}`)))
        look()
      })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    const launched = { child, ended, says }
    started.push(launched)
    return launched
  }
  const run = (...args: string[]) => launch(...args).ended
  const init = (...clusters: string[]) =>
    run('init', '--state', state, ...clusters.flatMap((cluster) => ['--cluster', cluster]))
  const start = async () => {
    const control = launch('start', '--state', state, '--listen', '127.0.0.1:0')
    return { ...control, url: await control.says(/listens on (http:\S+)/) }
  }
  const read = (name: string) => readFileSync(join(state, name), 'utf8').trim()
  const get = async (url: string, path: string) => {
    const headers = { authorization: `Bearer ${read('admin.token')}` }
    const response = await fetch(url + path, { headers })
    return (await response.json()) as { clusters: { cluster: string; epoch: { number: number } }[] }
  }

  it('writes its log as one JSON object a line where nobody looks at a terminal', async () => {
    await init('eu-1')
    const { child, url, ended } = await start()
    child.kill('SIGTERM')
    const { output } = await ended
    const lines = output.split('\n').filter((line) => line.startsWith('{'))
    const [first, last] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(first).toMatchObject({ level: 'info', code: 'control-started', program: 'control', url })
    expect(last).toMatchObject({ code: 'control-stopped' })
  })

  it('explains itself, and answers wrong command lines with 2', async () => {
    const help = await run('--help')
    expect([help.code, help.output]).toEqual([0, expect.stringContaining('Exit codes: 0 done')])
    for (const args of [
      ['fly'],
      ['init', '--cluster', 'eu-1'],
      ['init', '--state', state],
      ['init', '--state', state, '--cluster', 'EU 1'],
      ['start', '--state', state, '--listen', '127.0.0.1'],
      ['start', '--state', state, '--listen', '127.0.0.1:70000'],
      ['backup', '--state', state],
    ]) {
      const { code, output } = await run(...args)
      expect(code, `${args.join(' ')}: ${output}`).toBe(2)
    }
    expect(existsSync(state)).toBe(false)
  })

  describe('init --from, with Secrets that were made before', () => {
    const from = () => join(root, 'from')
    const put = (name: string, text: string) => {
      mkdirSync(join(from(), dirname(name)), { recursive: true })
      writeFileSync(join(from(), name), text)
    }
    const tokens = { admin: makeToken('admin').token, eu: makeToken('enrol').token }
    const given = async () => {
      put('keys/keys.json', JSON.stringify(await makeKeys()))
      put('admin/token', `${tokens.admin}\n`)
      put('enrol/eu-1', tokens.eu)
      // As Kubernetes mounts a Secret.
      mkdirSync(join(from(), 'enrol', '..2026_11_25'), { recursive: true })
    }
    const initFrom = () => run('init', '--state', state, '--from', from())
    const callWith = (url: string, token: string) =>
      fetch(`${url}/v1/clusters`, { headers: { authorization: `Bearer ${token}` } })

    it('takes the keys, knows the tokens, and writes no token down', async () => {
      await given()
      const { code, output } = await initFrom()
      expect([code, output]).toEqual([0, expect.stringContaining('added eu-1;')])
      expect(JSON.parse(read('keys.json'))).toEqual(
        JSON.parse(readFileSync(join(from(), 'keys/keys.json'), 'utf8')),
      )
      expect(readdirSync(state).filter((name) => name.endsWith('.token'))).toEqual([])
      const { url } = await start()
      expect((await callWith(url, tokens.admin)).status).toBe(200)
      expect((await callWith(url, makeToken('admin').token)).status).toBe(401)
    })

    it('changes nothing the second time, adds a cluster, and leaves keys that control has made', async () => {
      await given()
      await initFrom()
      expect((await initFrom()).output).toContain('nothing to do')
      const own = read('keys.json')
      put('keys/keys.json', JSON.stringify(await makeKeys()))
      put('enrol/us-1', makeToken('enrol').token)
      expect((await initFrom()).output).toContain('added us-1;')
      expect(read('keys.json')).toBe(own)
    })

    it.each([
      ['keys/keys.json', '{"no": "keys"}'],
      ['admin/token', 'swy_admin_short'],
      ['enrol/eu-1', ''],
      ['enrol/EU 1', 'swy_enrol_'],
    ])('says that %s is damaged, and not what is in it', async (name, text) => {
      await given()
      put(name, text)
      const { code, output } = await initFrom()
      expect([code, output]).toEqual([1, expect.stringContaining(join(from(), name))])
      if (text) expect(output).not.toContain(text)
      expect(existsSync(state)).toBe(false)
    })

    it('needs a cluster, and not both ways to say them', async () => {
      await given()
      rmSync(join(from(), 'enrol/eu-1'))
      expect((await initFrom()).output).toContain('has no enrolment token')
      expect((await run('init', '--state', state)).code).toBe(2)
      const both = await run('init', '--state', state, '--from', from(), '--cluster', 'eu-1')
      expect(both.code).toBe(2)
    })
  })

  it('init makes keys, tokens and clusters once, and later only what is new', async () => {
    expect(await init('eu-1')).toMatchObject({ code: 0 })
    const before = ['keys.json', 'admin.token', 'enrol-eu-1.token'].map(read)
    for (const name of ['keys.json', 'admin.token', 'enrol-eu-1.token']) {
      expect(statSync(join(state, name)).mode & 0o777, name).toBe(0o600)
    }
    const again = await init('eu-1')
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('nothing to do')])
    const more = await init('eu-1', 'us-1')
    expect([more.code, more.output]).toEqual([0, expect.stringContaining('added us-1;')])
    expect(['keys.json', 'admin.token', 'enrol-eu-1.token'].map(read)).toEqual(before)
    const { url } = await start()
    const { clusters } = await get(url, '/v1/clusters')
    expect(clusters.map(({ cluster }) => cluster)).toEqual(['eu-1', 'us-1'])
  })

  it('init does not bring back an admin token that was moved away', async () => {
    await init('eu-1')
    rmSync(join(state, 'admin.token'))
    expect((await init('eu-1')).code).toBe(0)
    expect(existsSync(join(state, 'admin.token'))).toBe(false)
  })

  it('makes a token on the machine when the last one is lost, and not while control runs', async () => {
    await init('eu-1')
    const made = await run('token', '--state', state, '--name', 'again')
    expect(made.output.trim()).toMatch(/^swy_admin_[\w-]{43}$/)
    const control = await start()
    const answer = await fetch(`${control.url}/v1/tokens`, {
      headers: { authorization: `Bearer ${made.output.trim()}` },
    })
    expect(answer.status).toBe(200)
    const refused = await run('token', '--state', state, '--name', 'again')
    expect(refused.code).toBe(3)
    const wrong = await run('token', '--state', state, '--name', 'again', '--scope', 'all')
    expect(wrong.code).toBe(2)
  })

  it('start needs an initialised folder, and stops cleanly when it is told to', async () => {
    const none = await run('start', '--state', state)
    expect([none.code, none.output]).toEqual([1, expect.stringContaining('control init')])
    await init('eu-1')
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const control = await start()
      const stream = await fetch(`${control.url}/v1/events`, {
        headers: { authorization: `Bearer ${read('admin.token')}` },
      })
      control.child.kill(signal)
      expect((await control.ended).code).toBe(0)
      await stream.text().catch(() => '')
    }
  })

  it('a second control on the same folder refuses to start, until the first is dead', async () => {
    await init('eu-1')
    const first = await start()
    for (const args of [
      ['start', '--state', state, '--listen', '127.0.0.1:0'],
      ['init', '--state', state, '--cluster', 'us-1'],
      ['recover', '--state', state],
    ]) {
      const { code, output } = await run(...args)
      expect([code, output], args[0]).toEqual([3, expect.stringContaining('another control')])
    }
    expect((await fetch(`${first.url}/livez`)).status).toBe(200)
    first.child.kill('SIGKILL')
    await first.ended
    const second = await start()
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200)
  })

  it('a port that is taken is an error with the reason', async () => {
    await init('eu-1')
    const first = await start()
    const other = join(root, 'other')
    await run('init', '--state', other, '--cluster', 'eu-1')
    const taken = await run('start', '--state', other, '--listen', new URL(first.url).host)
    expect([taken.code, taken.output]).toEqual([1, expect.stringContaining('EADDRINUSE')])
  })

  it('backup copies a running control; restore and recover begin a new epoch from it', async () => {
    await init('eu-1')
    const control = await start()
    const file = join(root, 'backup')
    expect(await run('backup', '--state', state, file)).toMatchObject({ code: 0 })
    expect((await run('backup', '--state', state, file)).output).toContain('never overwrites')
    control.child.kill('SIGTERM')
    await control.ended

    const [admin, keys] = [read('admin.token'), read('keys.json')]
    expect((await run('restore', '--state', state, file)).code).toBe(1)
    rmSync(state, { recursive: true })
    expect(await run('restore', '--state', state, file)).toMatchObject({ code: 0 })
    expect([read('admin.token'), read('keys.json')]).toEqual([admin, keys])
    const recovered = await run('recover', '--state', state)
    expect([recovered.code, recovered.output]).toEqual([0, expect.stringContaining('epoch 2')])
    const { url } = await start()
    expect((await get(url, '/v1/clusters')).clusters[0]!.epoch.number).toBe(2)
  })

  it('recover and backup need a folder with a log, and make none', async () => {
    expect((await run('recover', '--state', state)).code).toBe(1)
    expect((await run('backup', '--state', state, join(root, 'backup'))).code).toBe(1)
    expect(existsSync(state)).toBe(false)
  })
})
