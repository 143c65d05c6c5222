/** The manifests applied again, so that the init Job runs anew: unchanged, under another name, with one more cluster. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import type { Installed } from './installed.ts'
import { pageBlock } from './recovery.cases.ts'
import { deploy, writeOverlay } from './rendered.ts'

const withLeaf = `
resources: [../switchyard/deploy/all-in-one]
configMapGenerator:
  - name: switchyard-fleet
    behavior: merge
    literals: [SWITCHYARD_CLUSTERS=us-1, SWITCHYARD_LEAVES=us-1]
`

export function initAgainCases(installed: () => Installed): void {
  test('control comes back on its volume; the init Job of a second apply changes nothing', async () => {
    const { cluster, switchyard } = installed()
    const part = ['-n', 'switchyard', '-l', 'app.kubernetes.io/component=control']
    await cluster.kubectl(['delete', 'pod', ...part])
    await cluster.kubectl(['-n', 'switchyard', 'delete', 'job', 'switchyard-init'])
    await cluster.kubectl(['apply', '-k', join(deploy, 'all-in-one')])
    const job = ['wait', '--for=condition=Complete', 'job/switchyard-init', '--timeout=60s']
    await cluster.kubectl(['-n', 'switchyard', ...job])
    const said = await cluster.kubectl(['-n', 'switchyard', 'logs', 'job/switchyard-init'])
    expect(said.match(/: kept$/gm)?.length).toBe(4)
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', ...part, '--timeout=60s'])
    await installed().reachControl()
    expect(await switchyard('release', 'list', 'shop')).toContain('shop-r2')
  })

  test('named anew later: the Job refuses, agents serve on, and setting it back is all', async () => {
    const { cluster, versionAt } = installed()
    const renamed = join(cluster.folder, 'renamed')
    mkdirSync(renamed)
    writeOverlay(renamed, pageBlock('yaml', 'SWITCHYARD_CLUSTER=fra-1'))
    const inSwitchyard = ['-n', 'switchyard']
    const apply = async (folder: string) => {
      await cluster.kubectl([...inSwitchyard, 'delete', 'job', 'switchyard-init'])
      await cluster.kubectl(['apply', '-k', folder])
    }
    await apply(renamed)
    await until(
      'the Job says why',
      () => cluster.kubectl([...inSwitchyard, 'logs', 'job/switchyard-init']),
      (said) => said.includes('is called "eu-1" and cannot become "fra-1"'),
      60_000,
    )
    await until(
      'an agent says what it waits for',
      () => cluster.kubectl([...inSwitchyard, 'get', 'pods', '-o', 'json']),
      (said) => said.includes("couldn't find key fra-1 in Secret switchyard/switchyard-enrol"),
      90_000,
    )
    await installed().reachAgents()
    expect(await versionAt('shop.example')).toBe('0.0.2')
    await apply(join(deploy, 'all-in-one'))
    const restarted = ['rollout', 'status', 'statefulset/switchyard-agent', '--timeout=120s']
    await cluster.kubectl([...inSwitchyard, ...restarted])
  })

  test('another cluster, which has a leaf: the Job completes, and control introduces it', async () => {
    const { cluster } = installed()
    const overlay = join(cluster.folder, 'overlay')
    mkdirSync(overlay)
    writeOverlay(overlay, withLeaf)
    const inSwitchyard = ['-n', 'switchyard']
    const job = ['wait', '--for=condition=Complete', 'job/switchyard-init', '--timeout=60s']
    await cluster.kubectl([...inSwitchyard, 'delete', 'job', 'switchyard-init'])
    await cluster.kubectl(['apply', '-k', overlay])
    await cluster.kubectl([...inSwitchyard, ...job])
    const said = await cluster.kubectl([...inSwitchyard, 'logs', 'job/switchyard-init'])
    expect(said.match(/: completed$/gm)?.length).toBe(2)
    const parts = ['-l', 'app.kubernetes.io/component in (control, nats)']
    await cluster.kubectl([...inSwitchyard, 'delete', 'pod', ...parts])
    const ready = ['wait', '--for=condition=Ready', 'pod', ...parts, '--timeout=60s']
    await until(
      'both are back',
      () => cluster.kubectl([...inSwitchyard, ...ready]),
      Boolean,
      90_000,
    )
    await installed().reachControl()
    const introduce = ['node', 'deploy/nats/introduce.ts', 'us-1', '--hub', 'nats.example:7422']
    const exec = ['exec', 'deploy/switchyard-control', '-c', 'control', '--', ...introduce]
    const secret = JSON.parse(await cluster.kubectl([...inSwitchyard, ...exec]))
    expect(JSON.parse(secret.stringData['introduction.json'])).toMatchObject({ cluster: 'us-1' })
  })
}
