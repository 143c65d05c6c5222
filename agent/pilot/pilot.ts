/**
 * Entry of the pilot process: puts the parts together in the order in which they become useful. First
 * what the disk knows, so that workers find their pilot as it was; then who we are; then platform and
 * control. Argument: the agent's configuration as JSON. It may die at any moment: traffic goes on.
 */
import { randomBytes } from 'node:crypto'
import { supportedFormats } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import { supervised } from '../child.ts'
import type { AgentConfig } from '../config.ts'
import { linkPath } from '../link.ts'
import { createLocalPlatform } from '../platform/local.ts'
import { type Obedience, obey } from '../platform/obey.ts'
import type { Platform } from '../platform/platform.ts'
import { createStaticPlatform } from '../platform/static.ts'
import { startAdmin } from './admin.ts'
import { createCompiler } from './compiler.ts'
import { createConvergence, type Progress } from './convergence.ts'
import { enrol, type Identity, storedIdentity } from './enrol.ts'
import { explainHere } from './explain.ts'
import { follow } from './follow.ts'
import { loadLastKnownGood } from './last-known-good.ts'
import { createMetrics } from './metrics.ts'
import { createNews } from './news.ts'
import { createRefusals } from './refusals.ts'
import { buildReport, createReporter, type Reporter } from './report.ts'
import type { Session } from './session.ts'
import { createHttpSession } from './session-http.ts'
import { createNatsSession } from './session-nats.ts'
import { createSnapshots, type Held, type Snapshots } from './snapshots.ts'
import { loadStoredSnapshot } from './stored.ts'
import { tableView } from './table-view.ts'
import { createTables } from './tables.ts'
import { createWorkers } from './workers.ts'

/** Drift and missing workers are questions of time: looked at this often. */
const settleEveryMs = 250

const nowMs = () => performance.now()

async function run(config: AgentConfig, stopping: AbortSignal): Promise<() => Promise<void>> {
  const { stateFolder: folder } = config
  const log = (line: string) => console.error(`pilot ${config.name}: ${line}`)
  let snapshots: Snapshots | null = null
  let reporter: Reporter | null = null
  let obedience: Obedience | null = null
  let seekOver = false

  const stored = loadLastKnownGood(folder)
  for (const damage of stored.damage) log(damage)
  const stale = () => !snapshots?.confirmed()

  const news = createNews({
    reporter: () => reporter,
    usage: () => workers.usage(),
    onSwitched: (ms) => metrics.switched(ms),
  })
  const refusals = createRefusals(({ code, revision, reason }) => {
    log(`refused ${code}, revision ${revision ?? 'unknown'}: ${reason}`)
    news.refused()
  })
  const workers = createWorkers({
    path: linkPath(folder),
    onChange: () => convergence.settle(),
    onUsage: news.usageChanged,
    onRefused(digest, reason) {
      tables.refused(digest, reason)
      convergence.settle()
    },
    log,
  })
  const compiler = createCompiler(folder, (outcome) => {
    if ('table' in outcome.result) metrics.compiled(outcome.result.ms)
    tables.outcome(outcome)
    convergence.settle()
  })
  const tables = createTables({ folder, table: stored.table, compiler, refusals })
  const convergence = createConvergence({
    folder,
    stored,
    tables,
    workers,
    workerCount: config.workers,
    mayBeReady: ({ equal }) => (equal && !stale()) || (seekOver && stored.table !== null),
    onContent: ({ backends }) => platform.setBackends([...backends.values()]),
    onProgress: news.progressed,
    log,
    nowMs,
  })
  const metrics = createMetrics(() => ({
    progress: convergence.progress(),
    usage: workers.usage(),
    refusals: refusals.list(),
    stale: stale(),
  }))
  const platform = createPlatform(config)

  await workers.listen()
  convergence.settle()
  const admin = startAdmin({
    address: config.admin,
    metrics,
    table: () => tableView(convergence.progress(), stale(), nowMs()),
    notReady: () => whyNotReady(convergence.progress()),
    explain: (body) => explainHere(convergence.progress(), body),
    log,
  })
  const seek = setTimeout(() => {
    seekOver = true
    convergence.settle()
  }, limits.seekHeaderMs)
  const settling = setInterval(() => convergence.settle(), settleEveryMs)
  platform.follow((endpoints) => convergence.setEndpoints(endpoints), log)

  const identity = await whoWeAre(config, log, stopping)
  const trust = {
    cluster: config.cluster,
    keys: identity.controlKeys,
    formats: supportedFormats,
  }
  const onDisk = await loadStoredSnapshot(folder, stored.positions, trust, (file) =>
    log(`${file} is corrupt`),
  )
  if (onDisk.held) {
    const known = stored.table !== null && stored.table.digest === onDisk.table
    convergence.hold(onDisk.held, known)
  }
  const session = createSession(config, identity, log)
  const life = {
    cluster: config.cluster,
    agent: config.name,
    instance: randomBytes(8).toString('hex'),
    startedAtMs: Date.now(),
    pinnedKeys: [...identity.controlKeys.keys()],
  }
  reporter = createReporter({
    session,
    key: identity.key,
    build: (former) =>
      buildReport(
        life,
        {
          progress: convergence.progress(),
          usage: workers.usage(),
          refusals: refusals.list(),
          stale: stale(),
          nowMs: nowMs(),
        },
        former,
      ),
    log,
  })
  if (platform.workloads) obedience = obey(platform.workloads, config.name, log)
  snapshots = createSnapshots({
    session,
    trust,
    refusals,
    held: onDisk.held ?? onDisk.base,
    floor: onDisk.floor,
    onHeld,
    log,
  })
  const following = follow(session, snapshots, log)

  /** Proven and confirmed by control: only such a snapshot says what shall run. */
  function onHeld(held: Held): void {
    convergence.hold(held)
    const { epoch, revision } = held.header
    const workloads = [...convergence.workloads().values()].map(
      ({ kind: _kind, key: _key, ...workload }) => workload,
    )
    obedience?.want({ epoch: epoch.number, revision, workloads })
  }

  return async () => {
    clearInterval(settling)
    clearTimeout(seek)
    news.stop()
    await Promise.all([following.stop(), snapshots?.stop(), obedience?.stop(), platform.close()])
    await reporter?.stop()
    await Promise.all([session.close(), admin.close(), workers.close(), compiler.stop()])
    convergence.stop()
  }
}

function createPlatform({ platform }: AgentConfig): Platform {
  return platform.type === 'local'
    ? createLocalPlatform(platform.url)
    : createStaticPlatform(platform.file)
}

async function whoWeAre(
  config: AgentConfig,
  log: (line: string) => void,
  stopping: AbortSignal,
): Promise<Identity> {
  const known = await storedIdentity(config)
  const lacksNats = config.nats !== null && known?.enrolment.nats === null
  if (known && !(lacksNats && config.control.enrolmentToken)) return known
  return enrol(config, log, stopping)
}

function createSession(
  { nats, control, cluster, name }: AgentConfig,
  { enrolment }: Identity,
  log: (line: string) => void,
): Session {
  if (nats && enrolment.nats) {
    const { user, password } = enrolment.nats
    return createNatsSession({ servers: nats.split(','), user, password, cluster, agent: name })
  }
  if (nats) log('control does not publish over NATS: following it over HTTP')
  return createHttpSession({ url: control.url, cluster, agent: name, token: enrolment.token })
}

function whyNotReady({ ready, drift, workers }: Progress): string | null {
  if (drift) return drift
  if (!ready) return 'the committed positions are not confirmed yet'
  return workers.find(({ differs }) => differs)?.differs ?? null
}

if (import.meta.main) {
  const config = JSON.parse(process.argv[2] ?? '') as AgentConfig
  const stopping = new AbortController()
  const leave = Promise.withResolvers<void>()
  supervised(() => {
    stopping.abort()
    leave.resolve()
  })
  const close = await run(config, stopping.signal).catch((error) => {
    if (stopping.signal.aborted) process.exit(0)
    console.error(`pilot ${config.name}: ${error instanceof Error ? error.stack : error}`)
    process.exit(1)
  })
  await leave.promise
  await close()
  process.exit(0)
}
