/**
 * Control on the real workerd, on this machine, with the commands of control under Node, so that a local
 * fleet can run on either:
 *
 *   init   --state DIR --cluster NAME …    bundles the Worker, makes keys and a log, puts them in
 *   bundle --state DIR                     bundles the Worker again, after a change of the code
 *   start  --state DIR --listen HOST:PORT  becomes workerd
 *
 *   <state>/keys.json, *.token   from `control init`      <state>/edge/bundle/   the Worker
 *   <state>/edge/transfer.token  who may put and get      <state>/edge/objects/  the Durable Object
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { sha256Hex } from '#wire/sha256.ts'
import { init } from '../../control/node/commands.ts'
import { openStateFolder } from '../../control/node/folder.ts'
import { transferOf } from '../../control/node/transfer-file.ts'
import { makeToken } from '../../control/trust/tokens.ts'
import { type Bundle, bundleFrom, bundleWorker } from './bundle.ts'
import { startWorkerd, workerdArguments, workerdBinary } from './workerd.ts'
import { readWrangler, type WorkerdPlan } from './workerd-config.ts'

const wranglerFile = resolve(import.meta.dirname, '../../wrangler.toml')

function planOf(state: string, bundle: Bundle, host: string, port: number): WorkerdPlan {
  return {
    ...readWrangler(wranglerFile),
    bundle,
    storage: join(state, 'edge', 'objects'),
    host,
    port,
    texts: {
      SWITCHYARD_TRANSFER_TOKEN: readFileSync(tokenFile(state), 'utf8').trim(),
      SWITCHYARD_HOSTS: 'localhost,127.0.0.1',
      SWITCHYARD_CODE: sha256Hex(readFileSync(join(bundle.folder, bundle.modules[0]!))),
    },
  }
}

/** As `wrangler.toml` and a secret would give them. */
const natsTexts = (servers?: string, credentials?: string): Readonly<Record<string, string>> =>
  servers && credentials
    ? {
        SWITCHYARD_NATS: servers,
        SWITCHYARD_NATS_CREDENTIALS: readFileSync(credentials, 'utf8'),
      }
    : {}

const tokenFile = (state: string) => join(state, 'edge', 'transfer.token')
const bundleFolder = (state: string) => join(state, 'edge', 'bundle')

async function initEdge(state: string, clusters: readonly string[]): Promise<void> {
  const folder = openStateFolder(state)
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  await init({ folder, ...clocks, wrapLog: (log) => log }, clusters)
  mkdirSync(join(state, 'edge'), { recursive: true, mode: 0o700 })
  if (!existsSync(tokenFile(state))) {
    writeFileSync(tokenFile(state), `${makeToken('admin').token}\n`, { mode: 0o600 })
  }
  const plan = planOf(state, await bundleWorker(wranglerFile, bundleFolder(state)), '127.0.0.1', 0)
  const workerd = await startWorkerd(plan)
  try {
    const answer = await fetch(`${workerd.url}/edge/log`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${plan.texts.SWITCHYARD_TRANSFER_TOKEN}` },
      body: transferOf(folder),
      duplex: 'half',
    } as unknown as RequestInit)
    const text = await answer.text()
    if (!answer.ok)
      throw new Error(`the object does not take the log: ${text}\n${workerd.output()}`)
    console.log(`the object has taken the log: ${text}`)
  } finally {
    await workerd.kill('SIGTERM')
  }
}

/** This process becomes workerd: a signal to it is a signal to workerd. */
function startEdge(state: string, listen: string, texts: Readonly<Record<string, string>>): void {
  const [, host = '127.0.0.1', port = '7700'] = /^(.+):(\d+)$/.exec(listen) ?? []
  const made = planOf(state, bundleFrom(bundleFolder(state)), host, Number(port))
  const plan = { ...made, texts: { ...made.texts, ...texts } }
  const binary = workerdBinary()
  if (!process.execve) throw new Error('this system cannot replace a process (Windows)')
  process.execve(binary, [binary, ...workerdArguments(plan)])
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      state: { type: 'string' },
      cluster: { type: 'string', multiple: true, default: [] },
      listen: { type: 'string', default: '127.0.0.1:7700' },
      nats: { type: 'string' },
      'nats-credentials': { type: 'string' },
      'log-format': { type: 'string' },
    },
  })
  if (!values.state) throw new Error('say --state <folder>')
  const state = resolve(values.state)
  if (positionals[0] === 'init') await initEdge(state, values.cluster)
  else if (positionals[0] === 'bundle') await bundleWorker(wranglerFile, bundleFolder(state))
  else if (positionals[0] === 'start')
    startEdge(state, values.listen, natsTexts(values.nats, values['nats-credentials']))
  else throw new Error('say init, bundle or start; docs/edge.md has backup, restore and recover')
}

await main()
