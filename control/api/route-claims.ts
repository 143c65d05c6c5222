/**
 * Who was refused because an Ingress object had the route first. A refusal is not in the log and changes nothing; the
 * newest one for each object is kept here for a while, so that the agents can say it on the object itself. Lost with the
 * process, like any Event that could not be written: whoever was refused has been told.
 */
import type { Rejection } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import { ingressId } from '../domain/snapshot/ingress.ts'
import type { IntentTaker } from './intents.ts'

export interface RouteClaims {
  /** The taker, overheard. */
  overhearing(taker: IntentTaker): IntentTaker
  /** In words; null: nobody lately. */
  on(cluster: string, id: string): string | null
}

/** The agents' leader reads its list every 30 s. */
const forgottenAfterMs = 120_000

/** The oldest goes. */
export function createRouteClaims(nowMs: () => number): RouteClaims {
  const claims = new Map<string, { readonly text: string; readonly atMs: number }>()
  const keyOf = (cluster: string, id: string) => `${cluster} ${id}`

  function note({ code, evidence }: Rejection): void {
    if (code !== 'route-conflict') return
    const { cluster, host, route, other } = evidence as Readonly<Record<string, string>>
    const [kind, namespace = '', name = ''] = other!.split('/')
    if (kind !== 'ingress') return
    const key = keyOf(cluster!, ingressId(namespace, name))
    const text = `${route} says the same on ${host}: it came later, and was refused`
    claims.delete(key)
    claims.set(key, { text: text.slice(0, limits.reasonChars), atMs: nowMs() })
    if (claims.size > limits.routeClaims) claims.delete(claims.keys().next().value!)
  }

  return {
    overhearing: (taker) => ({
      ...taker,
      async submit(input) {
        const answer = await taker.submit(input)
        if (!answer.ok) note(answer.rejection)
        return answer
      },
    }),
    on(cluster, id) {
      const claim = claims.get(keyOf(cluster, id))
      return claim && nowMs() - claim.atMs <= forgottenAfterMs ? claim.text : null
    },
  }
}
