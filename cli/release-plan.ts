/**
 * A release as a command line says it, and the body that the API takes: steps "10,25:5m,50:promote",
 * waves "eu-1:10m;us-1,us-2", previews and targets. Control checks it; here only the form is read.
 */
import { usage } from './failure.ts'
import { fieldOf } from './request-asked.ts'
import { parseDuration } from './times.ts'

export interface PlanFlags {
  readonly strategy?: string
  readonly cluster?: string[]
  readonly steps?: string
  readonly waves?: string
  readonly previewPath?: string
  readonly previewHeader?: string
  readonly previewHost?: string
  readonly previewLinks?: boolean
  readonly targetHeader?: string
  readonly targetCookie?: string
  readonly maxSurge?: string
  readonly maxUnavailable?: string
  readonly minReady?: number
  readonly progressDeadline?: number
  readonly autoPromote?: boolean
  readonly whenSilent?: string
  readonly deadline?: number
}

type Pause = { readonly forMs: number } | { readonly until: 'promote' }

/** The body of `POST /v1/releases`, without app and version. */
export function planOf(flags: PlanFlags): object {
  const preview = present({
    path: flags.previewPath,
    header: flags.previewHeader && fieldOf(flags.previewHeader),
    host: flags.previewHost,
    links: flags.previewLinks,
  })
  const target = present({
    header: flags.targetHeader && fieldOf(flags.targetHeader),
    cookie: flags.targetCookie && fieldOf(flags.targetCookie),
  })
  const rolling = present({
    maxSurge: countOrPercent(flags.maxSurge),
    maxUnavailable: countOrPercent(flags.maxUnavailable),
    minReadyMs: flags.minReady,
    progressDeadlineMs: flags.progressDeadline,
  })
  const strategy =
    flags.strategy ?? (flags.steps || target ? 'canary' : rolling ? 'rolling' : undefined)
  return (
    present({
      strategy: strategy === 'blue-green' ? 'blueGreen' : strategy,
      clusters: flags.cluster,
      preview,
      target,
      rolling,
      steps: flags.steps && steps(flags.steps),
      waves: flags.waves && waves(flags.waves),
      autoPromote: flags.autoPromote,
      whenSilent: flags.whenSilent,
      deadlineMs: flags.deadline,
    }) ?? {}
  )
}

/** Null when nothing is there. */
function present(fields: Readonly<Record<string, unknown>>): object | null {
  const held = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  return held.length > 0 ? Object.fromEntries(held) : null
}

const countOrPercent = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : text

/** `10`, `25:5m`, `50:promote`, `25@eu-1+us-1:5m`; comma-separated. */
export function steps(text: string): object[] {
  return text.split(',').map((step) => {
    const match = /^\s*(\d{1,3})%?(?:@([a-z0-9+-]+))?(?::(\w[\w.]*))?\s*$/.exec(step)
    const weight = Number(match?.[1])
    if (!match || weight > 100) {
      throw usage(
        `"${step.trim()}" is no step`,
        'Steps are "10,25:5m,50:promote": percent, then a pause. "25@eu-1:5m" is in one cluster.',
      )
    }
    const [, , where, pause] = match
    return {
      weight,
      ...(where && { clusters: where.split('+') }),
      ...(pause && { pause: pauseOf(pause, step) }),
    }
  })
}

/** `eu-1:10m;us-1,us-2:promote`. */
export function waves(text: string): object[] {
  return text.split(';').map((wave) => {
    const match = /^\s*([a-z0-9,\s-]+?)\s*(?::(\w[\w.]*))?\s*$/.exec(wave)
    if (!match) {
      throw usage(
        `"${wave.trim()}" is no wave`,
        'Waves are "eu-1:10m;us-1,us-2": clusters, then a pause; the next wave after ";".',
      )
    }
    const clusters = match[1]!.split(',').map((cluster) => cluster.trim())
    return { clusters, ...(match[2] && { pause: pauseOf(match[2], wave) }) }
  })
}

function pauseOf(text: string, where: string): Pause {
  if (text === 'promote') return { until: 'promote' }
  const forMs = parseDuration(text)
  if (forMs !== null && forMs >= 1) return { forMs: Math.round(forMs) }
  throw usage(`"${where.trim()}": "${text}" is no pause`, 'Say a time, as 5m, or "promote".')
}
