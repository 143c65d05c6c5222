/** What operators ask for, by chance: apps, releases of every strategy, buttons, freeze windows. */
import { appIntent } from '#wire/app.ts'
import { freezeIntent } from '#wire/freeze.ts'
import { type ReleaseIntent, type ReleasePhase, releaseIntent } from '#wire/release.ts'
import type { Intent } from '../../control/domain/input.ts'
import type { Random } from './random.ts'

export const clusters = ['eu-1', 'us-1', 'ap-1'] as const
export const people = ['alice', 'bob'] as const

export const motions = [
  'promote',
  'rollback',
  'decommission',
  'abort',
  'pause',
  'resume',
  'approve',
] as const

/** What an operator would mostly press; anything else is pressed now and then, and refused. */
export const usual: Partial<Record<ReleasePhase, readonly (typeof motions)[number][]>> = {
  ready: ['promote', 'promote', 'approve'],
  progressing: ['promote', 'promote', 'promote', 'rollback', 'abort', 'pause', 'resume', 'resume'],
  committing: ['rollback'],
  live: ['rollback'],
  retired: ['decommission', 'decommission', 'promote'],
  starting: [],
  preparing: [],
}

export const putApp = (random: Random, app: string): Intent => ({
  type: 'put-app',
  app,
  body: appIntent.parse({
    clusters: random.chance(0.85) ? [...clusters] : [random.pick(clusters)],
    hosts: [`${app}.example`, ...(random.chance(0.3) ? [`www.${app}.example`] : [])],
    platform: random.chance(0.9) ? { type: 'local', program: 'shop' } : { type: 'static' },
    copies: random.pick([1, 2, 4]),
    ...(random.chance(0.2) && { drainDeadlineMs: 3_000 }),
    ...(random.chance(0.15) && { approvals: 1 }),
    ...(random.chance(0.2) && { userKey: { cookie: 'user' } }),
  }),
})

export const createRelease = (random: Random, app: string): Intent => ({
  type: 'create-release',
  body: releaseIntent.parse({
    app,
    ...(random.chance(0.9)
      ? { version: `0.0.${random.below(100)}` }
      : { undo: `${app}-r${1 + random.below(8)}` }),
    ...(random.chance(0.2) && { clusters: [random.pick(clusters)] }),
    ...strategy(random),
    ...(random.chance(0.3) && { waves: waves(random) }),
    ...(random.chance(0.4) && { autoPromote: true }),
    whenSilent: random.chance(0.5) ? 'abort' : 'proceed',
    deadlineMs: 1_000 + random.below(9_000),
  }),
})

function strategy(random: Random): Partial<Record<keyof ReleaseIntent, unknown>> {
  const preview = random.pick([
    { path: '/test' },
    { header: { name: 'x-preview', value: 'yes' } },
    { host: 'preview.example' },
    { links: true },
  ])
  const tried = random.chance(0.5) && { preview }
  switch (random.pick(['blueGreen', 'canary', 'rolling'])) {
    case 'canary':
      return {
        strategy: 'canary',
        ...tried,
        ...(random.chance(0.8) && { steps: steps(random) }),
        ...(random.chance(0.3) && { target: { header: { name: 'x-canary', value: 'always' } } }),
      }
    case 'rolling':
      return {
        strategy: 'rolling',
        ...(random.chance(0.5) && { rolling: { maxSurge: random.pick([0, 1, '50%']) } }),
      }
    default:
      return tried || {}
  }
}

function steps(random: Random) {
  const weights = [random.below(20), 20 + random.below(40), 60 + random.below(41)]
  return weights.slice(0, 1 + random.below(3)).map((weight) => ({
    weight,
    ...(random.chance(0.2) && { clusters: [random.pick(clusters)] }),
    ...pause(random),
  }))
}

/** One cluster first, or each after the other in any order. */
function waves(random: Random) {
  const order = clusters.map((name) => ({ name, place: random.next() }))
  order.sort((a, b) => a.place - b.place)
  const named = order.slice(0, random.pick([1, 1, 2, 3]))
  return named.map(({ name }) => ({ clusters: [name], ...pause(random) }))
}

const pause = (random: Random) =>
  random.chance(0.7) && {
    pause: random.chance(0.5) ? { until: 'promote' } : { forMs: 1 + random.below(5_000) },
  }

export function motion(random: Random, name: (typeof motions)[number], release: string): Intent {
  switch (name) {
    case 'promote':
      return {
        type: 'promote-release',
        release,
        ...(random.chance(0.15) && { full: true as const }),
        ...(random.chance(0.3) && { override: { reason: 'it cannot wait' } }),
      }
    default:
      return { type: `${name}-release`, release }
  }
}

/** Windows of some seconds around now; or lifts one. */
export function freeze(random: Random, now: number): Intent {
  const name = random.pick(['sale', 'night'])
  if (random.chance(0.4)) return { type: 'lift-freeze', name }
  const from = now - random.below(2_000)
  const body = freezeIntent.parse({
    from: new Date(from).toISOString(),
    until: new Date(from + 1 + random.below(10_000)).toISOString(),
    ...(random.chance(0.2) && { every: random.pick(['day', 'week']) }),
    ...(random.chance(0.3) && { clusters: [random.pick(clusters)] }),
    ...(random.chance(0.2) && { apps: ['shop'] }),
    reason: 'no changes now',
  })
  return { type: 'set-freeze', name, body }
}
