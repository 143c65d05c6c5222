import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgentConfig } from './config.ts'
import { agentCommand } from './flags.ts'

const whole = [
  ...['--cluster', 'eu-1', '--name', 'eu-1-a', '--enrol', 'http://127.0.0.1:7700/#token'],
  ...['--platform', 'local:http://127.0.0.1:7801/'],
]

async function parse(args: readonly string[]): Promise<AgentConfig> {
  let config: AgentConfig | null = null
  const command = agentCommand((made) => {
    config = made
  })
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  await command.parseAsync(args, { from: 'user' })
  return config!
}

const before = { ...process.env }
beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('SWITCHYARD_')) delete process.env[name]
  }
})
afterEach(() => {
  process.env = { ...before }
})

describe("the agent's command line", () => {
  it('ends with 2 when it is wrong, and with 0 after its help', () => {
    const main = join(import.meta.dirname, 'main.ts')
    const end = (...args: string[]) => spawnSync(process.execPath, [main, ...args]).status
    expect(end('--bogus')).toBe(2)
    expect(end('--cluster', 'EU_1')).toBe(2)
    expect(end()).toBe(2)
    expect(end('--help')).toBe(0)
  })

  it('needs a cluster, an enrolment and a platform; the rest has defaults', async () => {
    const config = await parse(whole)
    expect(config).toMatchObject({
      cluster: 'eu-1',
      name: 'eu-1-a',
      control: { url: 'http://127.0.0.1:7700', enrolmentToken: 'token' },
      platform: { type: 'local', url: 'http://127.0.0.1:7801' },
      nats: null,
      listen: { host: '0.0.0.0', port: 8080 },
      probe: { host: '127.0.0.1', port: 8081 },
      admin: { host: '127.0.0.1', port: 8082 },
    })
    expect(config.stateFolder).toMatch(/\.switchyard\/agents\/eu-1-eu-1-a$/)
    expect(config.workers).toBeGreaterThan(0)
  })

  it('reads the environment where a flag is missing', async () => {
    process.env.SWITCHYARD_CLUSTER = 'us-1'
    process.env.SWITCHYARD_WORKERS = '3'
    expect(await parse(whole.slice(2))).toMatchObject({ cluster: 'us-1', workers: 3 })
    expect(await parse(whole)).toMatchObject({ cluster: 'eu-1', workers: 3 })
  })

  it.each([
    [['--listen', '127.0.0.1:0'], 'write host:port'],
    [['--listen', '127.0.0.1:65536'], 'write host:port'],
    [['--admin', '8082'], 'write host:port'],
    [['--workers', '0'], 'from 1 to 256'],
    [['--workers', '257'], 'from 1 to 256'],
    [['--cluster', 'EU'], 'lower-case'],
    [['--name', 'a_b'], 'lower-case'],
    [['--enrol', 'control:7700'], 'write control and token'],
    [['--platform', 'nomad'], 'write local:'],
    [['--nats', '127.0.0.1:4222'], 'write nats://'],
  ])('refuses %s and says what to write', async (args, sentence) => {
    await expect(parse([...whole, ...args])).rejects.toThrow(sentence)
  })

  it('takes IPv6 addresses, several NATS servers and a file of addresses', async () => {
    const args = ['--listen', '[::1]:9000', '--nats', 'nats://a:4222, nats://b:4222']
    const config = await parse([...whole, ...args, '--platform', 'static:/x.json'])
    expect(config).toMatchObject({
      listen: { host: '::1', port: 9000 },
      nats: 'nats://a:4222,nats://b:4222',
      platform: { type: 'static', file: '/x.json' },
    })
  })

  it('takes the name of a node for its own', async () => {
    const config = await parse([...whole, '--name', 'ip-10-0-1-7.ec2.internal'])
    expect(config.name).toBe('ip-10-0-1-7-ec2-internal')
  })

  it.each([
    ['kubernetes', null],
    ['kubernetes:/etc/kubeconfig', '/etc/kubeconfig'],
  ])('takes the platform %s', async (flag, kubeconfig) => {
    const config = await parse([...whole, '--platform', flag])
    expect(config).toMatchObject({ platform: { type: 'kubernetes', kubeconfig } })
  })
})
