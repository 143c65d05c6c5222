/** A local cluster as a process of its own: its command line, and its copies at its end. */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort } from '../../free-port.ts'
import { until } from '../../pilot/fleet.fixture.ts'
import { folder, isAlive, open, shopProgram, signal, view, workload } from './cluster.fixture.ts'
import { createLocalPlatform } from './local.ts'

describe('the process', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('takes its copies with it by %s', async (how) => {
    await open({ programs: {} })
    const script = resolve(import.meta.dirname, 'cluster.ts')
    const listen = `127.0.0.1:${await freePort()}`
    const child = spawn(
      process.execPath,
      [
        ...[script, '--cluster', 'us-1', '--listen', listen, '--state', join(folder, 'us-1')],
        ...['--program', `shop=${shopProgram}`],
      ],
      { stdio: 'ignore' },
    )
    try {
      const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
      const { acquire, apply } = createLocalPlatform(`http://${listen}`).workloads!
      await until('the lease', () => acquire('a', signal).catch(() => false))
      await apply('a', { epoch: 1, revision: 1, workloads: [workload('shop-r1', 2)] }, signal)
      const pids = (await view(`http://${listen}`)).copies.map(({ pid }) => pid!)
      expect(pids.filter(isAlive)).toHaveLength(2)
      child.kill(how)
      expect(await exited).toBe(how === 'SIGTERM' ? 0 : null)
      await until('their end', () => !pids.some(isAlive))
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('says what is wrong with its command line', async () => {
    await open({ programs: {} })
    const script = resolve(import.meta.dirname, 'cluster.ts')
    const child = spawn(process.execPath, [
      script,
      '--cluster',
      'eu-1',
      '--state',
      folder,
      '--program',
      'x',
    ])
    let said = ''
    child.stderr.on('data', (part) => {
      said += part
    })
    const code = await new Promise((done) => child.once('close', done))
    expect(code).toBe(1)
    expect(said).toContain('write name=file')
  })
})
