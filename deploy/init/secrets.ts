/**
 * What the Secrets of an installation hold (DESIGN D14), made as far as it is missing. What is there is
 * kept byte for byte: a second run changes nothing, and one that was cut is finished by the next.
 *
 *   switchyard-keys    keys.json, cluster      control's signing key and spare, for an empty volume; the name
 *                                              of the installation's own cluster, which stays
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

/** Nothing is damaged, and what is asked for would damage it; its message is for whoever asked. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** `leaves`: those of the clusters that have a NATS leaf; `own`: the one whose agents are beside it. */
export function secretPlans(
  clusters: readonly string[],
  leaves: readonly string[] = [],
  own?: string,
): readonly SecretPlan[] {
  return [
    {
      // The first: nothing is changed for a cluster that has another name now.
      name: 'switchyard-keys',
      async complete(held) {
        const cluster = keptCluster(held.cluster, own)
        const kept = held['keys.json']
        if (kept !== undefined) storedKeys.parse(JSON.parse(kept))
        return {
          ...held,
          'keys.json': kept ?? line(await makeKeys()),
          ...(cluster !== undefined && { cluster }),
        }
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

/** Its agents would leave the cluster that apps and releases name, and take its traffic with them. */
function keptCluster(held: string | undefined, own: string | undefined): string | undefined {
  if (held === undefined || own === undefined || held === own) return held ?? own
  throw new Refused(
    `the cluster of this installation is called "${held}" and cannot become "${own}": apps, releases and agents ` +
      `know it by its name. Set SWITCHYARD_CLUSTER of switchyard-agent back to ${held} and apply that; nothing ` +
      'was changed here',
  )
}

function keptToken(held: string | undefined, kind: TokenKind): string {
  if (held === undefined) return makeToken(kind).token
  if (!looksLikeToken(held.trim())) throw new Error(`what is kept as its ${kind} token is none`)
  return held
}
