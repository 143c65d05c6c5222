/** Brings the Secrets of a namespace to what their plans say, against others who do the same. */
import { isDeepStrictEqual } from 'node:util'
import { Refused, type SecretData, type SecretPlan } from './secrets.ts'

/** Where Secrets are kept; an adapter for the Kubernetes API is `secret-store.ts`. */
export interface SecretStore {
  /** Null when there is none. `version`: of exactly this content. */
  read(name: string): Promise<{ readonly data: SecretData; readonly version: string } | null>
  /** False when somebody else has made one meanwhile. */
  create(name: string, data: SecretData): Promise<boolean>
  /** False when somebody else has changed it meanwhile. */
  replace(name: string, data: SecretData, version: string): Promise<boolean>
}

export type Outcome = 'made' | 'completed' | 'kept'

/** Somebody else may win this often before it is given up. */
const attemptsMax = 5

export async function completeSecret(store: SecretStore, plan: SecretPlan): Promise<Outcome> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const held = await store.read(plan.name)
    const wanted = await completed(plan, held?.data ?? {})
    if (!held) {
      if (await store.create(plan.name, wanted)) return 'made'
      continue
    }
    if (isDeepStrictEqual({ ...held.data }, { ...wanted })) return 'kept'
    if (await store.replace(plan.name, wanted, held.version)) return 'completed'
  }
  throw new Error(`the Secret ${plan.name} is changed by somebody else all the time`)
}

/** A message about what is held must not repeat it: only the place and what to do are said. */
async function completed(plan: SecretPlan, held: SecretData): Promise<SecretData> {
  try {
    return await plan.complete(held)
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Error(
      `the Secret ${plan.name} is damaged and was left as it is: restore it from a backup, or delete it ` +
        'and run this again when nothing needs what it held',
    )
  }
}
