/**
 * The manifests and the init Job against a real API server: strict validation, Pod Security, and RBAC that
 * grants what is used and nothing more.
 */
import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from '../lab/availability.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { deploy, folders, type Manifest, manifestsOf, render } from './rendered.ts'

const initScript = resolve(deploy, 'init/main.ts')
const initUser = 'system:serviceaccount:switchyard:switchyard-init'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface AuditEvent {
  readonly user: { readonly username: string }
  readonly verb: string
  readonly stage: string
  readonly objectRef?: { readonly resource: string; readonly name?: string }
  readonly responseStatus?: { readonly code: number }
}

describe.skipIf(whyNoLab({ nodes: false }))('a real API server', { timeout: 120_000 }, () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await startCluster({ name: 'install', nodes: false, audit: true })
    await apply(await namespacesOf('system'))
    await apply(await namespacesOf('shop'))
  }, 300_000)
  afterAll(() => cluster?.stop())

  const kubectl = (args: readonly string[], stdin = '') =>
    new Promise<Ended>((done) => {
      const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
      const child = execFile(cluster.programs.kubectl!, [...args], { env }, (error, out, err) =>
        done({ code: error ? Number(error.code) : 0, stdout: out, stderr: err }),
      )
      child.stdin!.end(stdin)
    })
  const apply = (text: string) => cluster.kubectl(['apply', '--server-side', '-f', '-'], text)

  test.each(folders)(
    '%s passes a server-side dry run, strictly and without a warning',
    async (folder) => {
      const target = folder === 'namespace' ? ['-n', 'shop'] : folder === 'shop' ? [] : inSwitchyard
      const { code, stdout, stderr } = await kubectl(
        [...strictDryRun, ...target],
        await render(folder),
      )
      expect([code, stderr]).toEqual([0, folder === 'agent-daemonset' ? hostPortWarning : ''])
      expect(stdout.trimEnd().split('\n').length).toBe(manifestsOf(await render(folder)).length)
    },
  )

  test('the dry run sees a field that does not exist, and a pod that wants more', async () => {
    const text = await render('agent')
    const unknown = text.replace('minReadySeconds:', 'minimumReadySeconds:')
    expect((await kubectl([...strictDryRun, ...inSwitchyard], unknown)).stderr).toContain(
      'minimumReadySeconds',
    )
    const rooted = text.replace('runAsNonRoot: true', 'runAsNonRoot: false')
    expect((await kubectl([...strictDryRun, ...inSwitchyard], rooted)).stderr).toContain(
      'would violate PodSecurity',
    )
  })

  describe('the init Job, as its own service account', () => {
    let kubeconfig: string

    beforeAll(async () => {
      await apply(await render('all-in-one').then(only('Role', 'RoleBinding', 'ServiceAccount')))
      const token = await cluster.kubectl([
        '-n',
        'switchyard',
        'create',
        'token',
        'switchyard-init',
      ])
      kubeconfig = join(cluster.folder, 'init.kubeconfig')
      writeFileSync(kubeconfig, kubeconfigOf(cluster.kubeconfig, token.trim()))
    })

    const init = (clusters: string) =>
      new Promise<{ code: number | null; output: string }>((done) => {
        const child = spawn(
          process.execPath,
          [initScript, '--clusters', clusters, '--namespace', 'switchyard'],
          { env: { ...process.env, KUBECONFIG: kubeconfig } },
        )
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (bytes: Buffer) => {
            output += bytes.toString()
          })
        }
        child.once('close', (code) => done({ code, output }))
      })
    const secrets = async () => {
      const text = await cluster.kubectl(['-n', 'switchyard', 'get', 'secrets', '-o', 'json'])
      return (JSON.parse(text) as { items: Secret[] }).items
    }

    test('makes the Secrets, says their names and nothing of what they hold', async () => {
      const { code, output } = await init('eu-1')
      expect([code, output]).toEqual([
        0,
        names.map((name) => `switchyard/${name}: made\n`).join(''),
      ])
      const made = await secrets()
      expect(made.map(({ metadata }) => metadata.name)).toEqual(names.toSorted())
    })

    test('run again it writes nothing; with another cluster it completes', async () => {
      const before = await secrets()
      const again = await init('eu-1')
      expect([again.code, again.output]).toEqual([
        0,
        names.map((name) => `switchyard/${name}: kept\n`).join(''),
      ])
      expect(await secrets()).toEqual(before)
      expect((await init('eu-1,us-1')).output).toContain('switchyard-enrol: completed')
      const enrol = (await secrets()).find(({ metadata }) => metadata.name === 'switchyard-enrol')!
      expect(Object.keys(enrol.data)).toEqual(['eu-1', 'us-1'])
    })

    test('may not read other Secrets, and says what was refused', async () => {
      const as = ['--as', initUser, '-n', 'switchyard']
      const can = async (...what: string[]) =>
        (await kubectl([...as, 'auth', 'can-i', ...what])).stdout.trim()
      expect(await can('get', 'secret/switchyard-keys')).toBe('yes')
      expect(await can('get', 'secret/other')).toBe('no')
      expect(await can('list', 'secrets')).toBe('no')
      expect(await can('delete', 'secret/switchyard-keys')).toBe('no')
      await cluster.kubectl(['-n', 'switchyard', 'delete', 'rolebinding', 'switchyard-init'])
      const { code, output } = await until(
        'the refusal',
        () => init('eu-1'),
        (ended) => ended.code !== 0,
      )
      expect([code, output]).toEqual([
        1,
        expect.stringContaining('the Kubernetes API answered 403'),
      ])
    })

    test('each verb that its Role grants was used, and no other', async () => {
      const role = manifestsOf(await render('init')).find(({ kind }) => kind === 'Role')!
      const granted = role.rules!.flatMap(({ verbs }) => verbs)
      const events = readFileSync(cluster.auditLog!, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ user, stage }) => user.username === initUser && stage === 'ResponseComplete')
      const used = events
        .filter(
          ({ objectRef, responseStatus }) =>
            objectRef?.resource === 'secrets' && responseStatus!.code < 300,
        )
        .map(({ verb }) => verb)
      expect(new Set(used)).toEqual(new Set(granted))
    })
  })
})

const inSwitchyard = ['-n', 'switchyard']
const strictDryRun = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-']
const names = ['switchyard-keys', 'switchyard-admin', 'switchyard-enrol', 'switchyard-nats']
const hostPortWarning =
  'Warning: would violate PodSecurity "restricted:latest": hostPort (container "agent" uses hostPort 80)\n'

interface Secret {
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly data: Readonly<Record<string, string>>
}

const namespacesOf = (folder: string) => render(folder).then(only('Namespace'))

const only =
  (...kinds: readonly string[]) =>
  (text: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: manifestsOf(text).filter(({ kind }: Manifest) => kinds.includes(kind)),
    })

/** The same cluster, by a token. */
function kubeconfigOf(admin: string, token: string): string {
  const text = readFileSync(admin, 'utf8')
  const config = parse(text) as { users: { name: string; user: object }[] }
  return stringify({
    ...config,
    users: config.users.map(({ name }) => ({ name, user: { token } })),
  })
}
