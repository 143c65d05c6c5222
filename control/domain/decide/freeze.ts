/** Intents about freeze windows: set one whole, lift it. */
import { canonicalText } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import type { Ruling } from '../decide.ts'
import type { DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { reject, unknownApps, unknownClusters } from '../rejections.ts'
import { freezeView } from '../release/freeze.ts'
import { appOf, type State } from '../state.ts'

type FreezeIntents = Extract<Intent, { type: 'set-freeze' | 'lift-freeze' }>

export function decideFreeze(state: State, intent: FreezeIntents): Ruling {
  const { name } = intent
  const held = state.freezes.get(name)
  if (intent.type === 'lift-freeze') {
    if (!held) {
      return reject('not-found', `No freeze is called "${name}".`, {
        fix: 'List them with GET /v1/freezes.',
      })
    }
    return { events: [{ type: 'freeze-lifted', v: 1, name }], status: 200, body: () => ({ name }) }
  }
  const { body } = intent
  const foreign = (body.clusters ?? []).filter((cluster) => !state.clusters.has(cluster))
  if (foreign.length > 0) return unknownClusters(foreign, '/clusters', 'no such cluster')
  // A misspelt app would be guarded by nothing. One that was deleted since may stay named.
  const missing = (body.apps ?? []).filter(
    (app) => !appOf(state, app) && !held?.intent.apps?.includes(app),
  )
  if (missing.length > 0) return unknownApps(missing, '/apps', 'no such app')
  if (!held && state.freezes.size >= limits.freezes) {
    return reject('limit-reached', `There are ${limits.freezes} freezes already.`, {
      fix: 'Lift the ones that have passed.',
    })
  }
  const same = held && canonicalText(held.intent) === canonicalText(body)
  const events: DomainEvent[] = same ? [] : [{ type: 'freeze-set', v: 1, name, intent: body }]
  return {
    events,
    status: held ? 200 : 201,
    body: (after, _, now) => freezeView(after.freezes.get(name)!, now),
  }
}
