/**
 * What a dry run says, held against the decision that is then taken, for every intent of every life: the
 * same answer, events and digests, or the same refusal; and nothing has changed by asking.
 */
import { isDeepStrictEqual } from 'node:util'
import { objectsOf, treeOf, update } from '#wire/tree.ts'
import type { Decision } from '../../control/domain/decide.ts'
import { rehearse } from '../../control/domain/dry-run/dry-run.ts'
import type { IntentInput } from '../../control/domain/input.ts'
import type { Fleet } from '../../control/domain/reports/fleet.ts'
import type { State } from '../../control/domain/state.ts'
import { withoutSecrets } from '../../control/domain/view/secret-fields.ts'

/** Throws when the dry run foretells something else than `decision`. */
export function checkForetold(
  state: State,
  fleet: Fleet,
  input: IntentInput,
  now: number,
  decision: Decision,
): void {
  const told = rehearse(state, fleet, input, now)
  const fail = (what: string) => {
    throw new Error(`the dry run of ${input.intent.type} foretold another ${what}`)
  }
  if (decision.kind !== 'record') {
    if (!isDeepStrictEqual(told, decision)) fail('refusal')
    return
  }
  if (told.kind !== 'accepted') throw new Error('the dry run foretold no acceptance')
  const { view } = told
  const { record, state: after } = decision
  if (!isDeepStrictEqual({ status: view.status, body: view.body }, record.answer)) fail('answer')
  if (!isDeepStrictEqual(view.events, withoutSecrets(record.events))) fail('event')
  if (view.revision !== record.position) fail('revision')
  for (const { name, tree } of after.clusters.values()) {
    const held = state.clusters.get(name)?.tree ?? treeOf([])
    const change = view.clusters[name]
    if ((change === undefined) !== (held.root === tree.root)) fail(`change of ${name}`)
    if (!change) continue
    if (change.from !== held.root || change.to !== tree.root) fail(`digest of ${name}`)
    const made = update(held, {
      put: change.put.map((one) => one.after),
      remove: change.removed.map(({ key }) => key),
    })
    if (made.root !== tree.root) fail(`difference of ${name}`)
    const before = new Map([...objectsOf(held)].map((object) => [object.key, object]))
    for (const one of [...change.put, ...change.removed]) {
      if ((before.get(one.key) ?? null) !== one.before) fail(`former ${one.key}`)
    }
    if (change.words.length === 0) fail(`sentence of ${name}`)
  }
}
