/**
 * The part of the pilot that speaks to others: platform, admin, control. Whoever is away is waited for;
 * what the core serves does not depend on it.
 */
import { randomBytes } from 'node:crypto'
import { supportedFormats } from '#wire/header.ts'
import type { Say } from '#wire/log-line.ts'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { AgentConfig } from '../config.ts'
import { stateFiles } from '../link.ts'
import { createLocalPlatform } from '../platform/local/local.ts'
import { type Obedience, obey } from '../platform/obey.ts'
import type { Platform } from '../platform/platform.ts'
import { createStaticPlatform } from '../platform/static.ts'
import { reasonOf } from '../reason.ts'
import { startAdmin } from './admin/admin.ts'
import { createExplainHere } from './admin/explain.ts'
import { createMetrics } from './admin/metrics.ts'
import { tableView } from './admin/table-view.ts'
import type { Convergence, Progress } from './convergence.ts'
import type { Core } from './core.ts'
import { openControlKeys } from './membership/control-keys.ts'
import { join, type Membership } from './membership/membership.ts'
import { hinderedBy } from './report/hindered.ts'
import { buildReport, createReporter } from './report/report.ts'
import { createWaking } from './report/waking.ts'
import { createHttpSession, type HttpSessionOptions } from './session/http.ts'
import { createIngressDesk } from './session/ingress-desk.ts'
import type { Session } from './session/session.ts'
import { follow } from './snapshots/follow.ts'
import { createSnapshots, type Held } from './snapshots/snapshots.ts'
import { loadStoredSnapshot } from './snapshots/stored.ts'

export async function goOutside(
  config: AgentConfig,
  { stored, convergence, workers, refusals, outside, seek }: Core,
  log: Say,
  stopping: AbortSignal,
): Promise<() => Promise<void>> {
  let obedience: Obedience | null = null
  let said: Said = { replacements: [], troubles: [] }
  let membership: Membership | null = null
  /** Control has not said in this life that this is the newest. */
  const stale = () => !outside.confirmed() || membership?.token() === null
  const facts = () => {
    const progress = convergence.progress()
    const hindrance = obedience?.hindrance() ?? null
    return {
      progress,
      usage: workers.usage(),
      refusals: refusals.list(),
      stale: stale(),
      // Every agent hears of them; whoever applies the workloads says so, and nobody contradicts it. Where
      // nobody applies any, each agent has a list of addresses of its own.
      ...(obedience?.held() || config.platform.type === 'static'
        ? said
        : { replacements: [], troubles: [] }),
      ...(hindrance !== null && {
        troubles: hinderedBy(hindrance, convergence.workloads(), progress.endpoints),
      }),
      nowMs: performance.now(),
    }
  }
  const metrics = createMetrics(facts)
  outside.metrics = metrics
  const platform = await createPlatform(config, log)
  const pods = () => platform.pods?.() ?? new Map()
  const admin = startAdmin({
    address: config.admin,
    metrics,
    table: () => tableView(convergence.progress(), stale(), performance.now(), pods()),
    notReady: () => whyNotReady(convergence.progress()),
    explain: createExplainHere(convergence.progress, pods),
    log,
  })
  outside.onContent = ({ backends, services }) => {
    platform.setBackends([...backends.values()], convergence.workloads(), [...services.values()])
  }
  followPlatform(platform, convergence.setEndpoints, log, (more) => {
    said = { ...said, ...more }
    outside.reporter?.soon()
  })

  membership = await join(config, log, stopping, seek)
  const damaged = (file: string) => log('state-damaged', `${file} is corrupt`)
  const keys = await openControlKeys(config.stateFolder, membership, () =>
    damaged(stateFiles.controlKeys),
  )
  const trust = { cluster: config.cluster, keys: keys.pinned, formats: supportedFormats }
  const believed = { ...trust, keys: keys.forStored }
  const { positions } = stored
  const onDisk = await loadStoredSnapshot(config.stateFolder, positions, believed, damaged)
  if (onDisk.held) await keys.follow(onDisk.held)
  if (onDisk.held) {
    const known = stored.table !== null && stored.table.digest === onDisk.table
    convergence.hold(onDisk.held, known)
  }

  const toControl = wayToControl(config, membership)
  const session = await createSession(config, membership, toControl, log)
  const life = {
    cluster: config.cluster,
    agent: config.name,
    instance: randomBytes(8).toString('hex'),
    startedAtMs: Date.now(),
    pinnedKeys: () => [...keys.pinned().keys()],
  }
  const direct = session.isStore ? createHttpSession(toControl) : null
  const waking = direct && createWaking({ post: direct.report, log })
  const reporter = createReporter({
    session,
    waking,
    key: membership.key,
    build: (former) => buildReport(life, facts(), former),
    log,
  })
  outside.reporter = reporter
  if (platform.workloads) obedience = obey(platform.workloads, config.name, log)
  platform.ingresses?.keep(createIngressDesk(toControl), () => obedience?.held() ?? false)
  const snapshots = createSnapshots({
    session,
    trust,
    refusals,
    held: onDisk.held ?? onDisk.base,
    floor: onDisk.floor,
    onHeld,
    log,
  })
  outside.confirmed = snapshots.confirmed
  const following = follow(session, snapshots, log)
  membership.later
    ?.then(keys.begin)
    .then(() => snapshots.repair())
    .catch((error) => stopping.aborted || log('keys-not-pinned', reasonOf(error)))
  seek()

  /** Proven and confirmed by control: only such a snapshot says what shall run. */
  function onHeld(held: Held): void {
    convergence.hold(held)
    pinNamed(held)
    const { epoch, revision } = held.header
    log('revision-admitted', `holds revision ${revision}`, { revision })
    obedience?.want({ epoch: epoch.number, revision, workloads: convergence.workloads() })
  }

  /** The next report says what is pinned by then. A disk that fails is tried again with the next snapshot. */
  function pinNamed(held: Held): void {
    keys.follow(held).then(
      (changed) => {
        if (!changed) return
        log('keys-pinned', `pins ${[...keys.pinned().keys()].join(', ')}`)
        reporter.now()
      },
      (error) => log('keys-not-pinned', reasonOf(error)),
    )
  }

  return async () => {
    await Promise.all([following.stop(), snapshots.stop(), obedience?.stop(), platform.close()])
    await reporter.stop()
    await waking?.stop()
    await Promise.all([session.close(), direct?.close(), admin.close()])
  }
}

/** What a platform says of its workloads. */
interface Said {
  readonly replacements: readonly RollingReport[]
  readonly troubles: readonly TroubleReport[]
}

/** Its trouble is said once, and once more when it is over. */
function followPlatform(
  platform: Platform,
  onEndpoints: Convergence['setEndpoints'],
  log: Say,
  onSaid: (more: Partial<Said>) => void,
): void {
  let away = false
  platform.follow({
    onEndpoints(endpoints) {
      if (away) log('platform-back', 'the platform answers again')
      away = false
      onEndpoints(endpoints)
    },
    onReplacements: (replacements) => onSaid({ replacements }),
    onTroubles: (troubles) => onSaid({ troubles }),
    onTrouble(trouble) {
      away = true
      log('platform-away', trouble)
    },
  })
}

async function createPlatform(config: AgentConfig, log: Say): Promise<Platform> {
  const { platform, cluster, name, ingress } = config
  switch (platform.type) {
    case 'local':
      return createLocalPlatform(platform.url)
    case 'static':
      return createStaticPlatform(platform.file)
    case 'kubernetes': {
      const { createKubernetesPlatform } = await import('../platform/kubernetes/kubernetes.ts')
      return createKubernetesPlatform({
        kubeconfig: platform.kubeconfig,
        cluster,
        log,
        ...(ingress && { ingress: { name, ...ingress } }),
      })
    }
  }
}

/** How control is called: with a token once this agent has enrolled. */
const wayToControl = ({ control, cluster, name }: AgentConfig, membership: Membership) => ({
  url: control.url,
  cluster,
  agent: name,
  get token() {
    return membership.token() ?? ''
  },
})

async function createSession(
  { nats, cluster, name }: AgentConfig,
  membership: Membership,
  toControl: HttpSessionOptions,
  log: Say,
): Promise<Session> {
  if (nats && membership.nats) {
    const { createNatsSession } = await import('./session/nats.ts')
    const { user, password } = membership.nats
    return createNatsSession({ servers: nats.split(','), user, password, cluster, agent: name })
  }
  if (nats) log('transport-changed', 'control does not publish over NATS: following it over HTTP')
  return createHttpSession(toControl)
}

function whyNotReady({ ready, drift, workers }: Progress): string | null {
  if (drift) return drift
  if (!ready) return 'the committed positions are not confirmed yet'
  return workers.find(({ differs }) => differs)?.differs ?? null
}
