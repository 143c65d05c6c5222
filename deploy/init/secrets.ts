/**
 * What the Secrets of an installation hold (DESIGN D14), made as far as it is missing. What is there is
 * kept byte for byte: a second run changes nothing, and one that was cut is finished by the next.
 *
 *   switchyard-keys    keys.json               control's signing key and spare, for an empty volume
 *   switchyard-admin   token                   the first operator's
 *   switchyard-enrol   <cluster>               lets agents of that cluster join; one for each
 *   switchyard-nats    users.json, nats.conf   control's user and one per cluster; the server's configuration
 */
import { type NatsCredentials, natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { makeKeys, storedKeys } from '../../control/trust/keys.ts'
import { looksLikeToken, makeToken, type TokenKind } from '../../control/trust/tokens.ts'
import { completeCredentials, podPlace, serverConfig } from '../nats/config.ts'

/** Keys of a Secret and their text. */
export type SecretData = Readonly<Record<string, string>>

/** One Secret: what it shall hold, given what it holds. Throws when that is damaged. */
export interface SecretPlan {
  readonly name: string
  complete(held: SecretData): Promise<SecretData>
}

/** `leaves`: those of the clusters that have a NATS leaf. */
export function secretPlans(
  clusters: readonly string[],
  leaves: readonly string[] = [],
): readonly SecretPlan[] {
  return [
    {
      name: 'switchyard-keys',
      async complete(held) {
        const kept = held['keys.json']
        if (kept === undefined) return { ...held, 'keys.json': line(await makeKeys()) }
        storedKeys.parse(JSON.parse(kept))
        return held
      },
    },
    {
      name: 'switchyard-admin',
      complete: async (held) => ({ ...held, token: keptToken(held.token, 'admin') }),
    },
    {
      name: 'switchyard-enrol',
      async complete(held) {
        const tokens = clusters.map((name) => [name, keptToken(held[name], 'enrol')] as const)
        return { ...held, ...Object.fromEntries(tokens) }
      },
    },
    {
      name: 'switchyard-nats',
      async complete(held) {
        const users = completeCredentials(keptUsers(held['users.json']), clusters, leaves)
        return { ...held, 'users.json': line(users), 'nats.conf': serverConfig(podPlace, users) }
      },
    },
  ]
}

const line = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const keptUsers = (text: string | undefined): NatsCredentials | null =>
  text === undefined ? null : natsCredentials.parse(JSON.parse(text))

function keptToken(held: string | undefined, kind: TokenKind): string {
  if (held === undefined) return makeToken(kind).token
  if (!looksLikeToken(held.trim())) throw new Error(`what is kept as its ${kind} token is none`)
  return held
}
