/** The volume of control is gone: what docs/install.md says then is done, word by word, with a backup and without. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { defaultKinds, defaultPlan, monotonicMs, type Sample } from '../../bench/load/plan.ts'
import { loadCommand, startLoad } from '../../bench/load.ts'
import { until } from '../../deploy/local/until.ts'
import type { Installed } from './installed.ts'
import { deploy } from './rendered.ts'

const run = promisify(execFile)
const page = readFileSync(join(deploy, '../docs/install.md'), 'utf8')
const withinMs = 120_000

/** The block of docs/install.md in which these words are. */
export function pageBlock(language: 'sh' | 'yaml', words: string): string {
  const blocks = [...page.matchAll(/```(\w+)\n([^`]*)```/g)]
  return blocks.find(([, kind, text]) => kind === language && text!.includes(words))![2]!
}
const commandsWith = (words: string) => pageBlock('sh', words)

export function recoveryCases(installed: () => Installed): void {
  /** As an operator in a checkout of the sources. */
  const sh = (text: string) => {
    const { cluster } = installed()
    const cwd = join(cluster.folder, 'operator')
    const path = `${dirname(cluster.programs.kubectl!)}:${process.env.PATH}`
    mkdirSync(cwd, { recursive: true })
    const sources = join(cwd, 'deploy')
    if (!existsSync(sources)) symlinkSync(deploy, sources)
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: path }
    return run('sh', ['-e', '-c', text], { cwd, env })
  }
  const ready = () =>
    until(
      'control is ready',
      () =>
        sh(
          'kubectl -n switchyard wait --for=condition=Ready pod -l app.kubernetes.io/component=control --timeout=60s',
        ),
      Boolean,
      withinMs,
    )
  const allCurrent = () =>
    until(
      'every agent is current',
      async () => JSON.parse(await installed().switchyard('agent', 'list', 'eu-1', '-o', 'json')),
      ({ agents }: { agents: { condition: string }[] }) =>
        agents.length === 2 && agents.every(({ condition }) => condition === 'current'),
      withinMs,
    )
  const reconnect = async () => {
    await installed().reachControl()
    await installed().reachAgents()
  }
  const release = (version: string) =>
    installed().switchyard(
      ...['release', 'create', 'shop', version, '--image', `switchyard-shop:${version}`],
      ...['--auto-promote', '--watch'],
    )

  test('the volume of control gone: a backup is restored as the page says, and its word counts', async () => {
    const { versionAt } = installed()
    await sh(commandsWith('main.ts backup'))
    await reconnect()
    await release('0.0.1')
    expect(await versionAt('shop.example')).toBe('0.0.1')
    await sh(commandsWith('main.ts restore'))
    await ready()
    await reconnect()
    const restored = () => versionAt('shop.example')
    await until('the restored log counts', restored, (version) => version === '0.0.2', withinMs)
    await allCurrent()
  })

  test('the same without a backup: traffic flows until the word of the new log counts', async () => {
    const { cluster, switchyard, versionAt } = installed()
    const documents = join(cluster.folder, 'documents')
    await switchyard('export', '--folder', documents)
    const address = ['get', 'service', 'switchyard-agent', '-o', 'jsonpath={.spec.clusterIP}']
    const host = await cluster.kubectl(['-n', 'switchyard', ...address])
    const load = await startLoad(
      {
        ...defaultPlan,
        targets: [{ name: 'agents', host, port: 80 }],
        authority: 'shop.example',
        kinds: defaultKinds.slice(0, 1),
        ratePerSecond: 50,
        freshShare: 1,
        timeoutMs: 2_000,
      },
      (options) => cluster.run(process.execPath, loadCommand, options),
    )
    let samples: readonly Sample[]
    let goneMs: number
    let backMs: number
    try {
      await sh(commandsWith('grep fleet-ahead'))
      goneMs = monotonicMs()
      await sh(commandsWith('component=agent --grace-period=5'))
      await reconnect()
      await switchyard('apply', '-f', documents, '--watch')
      backMs = monotonicMs()
      await allCurrent()
      await reconnect()
      await release('0.0.1')
    } finally {
      samples = (await load.stop()).samples
    }
    const failed = samples.filter(({ problem }) => problem !== null)
    expect(failed.filter(({ doneMs }) => doneMs < goneMs)).toEqual([])
    expect(failed.filter(({ sentMs }) => sentMs > backMs)).toEqual([])
    const seconds = (failed.at(-1)!.doneMs - failed[0]!.sentMs) / 1_000
    console.log(`without a backup: no routes for ${seconds.toFixed(1)} s`)
    expect(samples.at(-1)!.version).toBe('0.0.1')
    expect(await versionAt('shop.example')).toBe('0.0.1')
  })
}
