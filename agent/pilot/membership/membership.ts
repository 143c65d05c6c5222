/**
 * How this agent belongs to its fleet (DESIGN D14): by its enrolment, which is on its disk from the first day. On
 * an empty disk it waits for control; with an introduction (ADR 17) not for long: then it believes the keys
 * of control that an operator brought, serves what the NATS leaf of its cluster holds, and goes on asking. Until
 * it has enrolled, control takes no report of it.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type EnrolmentAnswer, introduction } from '#wire/enrolment.ts'
import { limits } from '#wire/limits.ts'
import type { Say } from '#wire/log-line.ts'
import type { SigningKey } from '#wire/signature.ts'
import type { AgentConfig } from '../../config.ts'
import { enrol, type Identity, ownKey, storedIdentity } from './enrol.ts'

export interface Membership {
  readonly key: SigningKey
  readonly controlKeys: readonly string[]
  readonly nats: EnrolmentAnswer['nats']
  /** What the pinned keys begin with: another enrolment or introduction begins anew. */
  readonly begunBy: string
  /** For calls to control; null until it has enrolled. */
  token(): string | null
  /** Of one that is introduced: what it is once control has enrolled it. */
  readonly later?: Promise<Membership>
}

/** `onWait`: it is not known from the disk, and others have to be asked. */
export async function join(
  config: AgentConfig,
  log: Say,
  stopping: AbortSignal,
  onWait: () => void,
): Promise<Membership> {
  const known = await storedIdentity(config)
  const lacksNats = config.nats !== null && known?.enrolment.nats === null
  if (known && !(lacksNats && config.control.enrolmentToken)) return enrolled(known)
  onWait()
  const enrolling = enrol(config, log, stopping)
  if (known || !config.introduction) return enrolled(await enrolling)
  const identity = await Promise.race([enrolling, delay(limits.seekHeaderMs, null)])
  return identity ? enrolled(identity) : introduced(config, config.introduction, enrolling, log)
}

const enrolled = ({ key, enrolment }: Identity): Membership => ({
  key,
  controlKeys: enrolment.controlKeys,
  nats: enrolment.nats,
  begunBy: enrolment.token,
  token: () => enrolment.token,
})

async function introduced(
  config: AgentConfig,
  file: string,
  enrolling: Promise<Identity>,
  log: Say,
): Promise<Membership> {
  const { controlKeys, nats } = readIntroduction(config, file)
  let token: string | null = null
  const later = enrolling.then((identity) => {
    token = identity.enrolment.token
    return enrolled(identity)
  })
  later.catch(() => {}) // told to stop
  log('agent-introduced', 'control cannot be asked: following NATS as its introduction says')
  return {
    key: await ownKey(config.stateFolder),
    controlKeys,
    nats: { servers: [], ...nats },
    begunBy: controlKeys.join(),
    token: () => token,
    later,
  }
}

/** Never repeats what is in the file: it holds a password. */
function readIntroduction({ cluster }: AgentConfig, file: string) {
  const fault = (what: string) => new Error(`the introduction ${file} ${what} (docs/install.md)`)
  let bytes: string
  try {
    bytes = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`the introduction ${file} cannot be read`, { cause })
  }
  const parsed = introduction.safeParse(parsedJson(bytes))
  if (!parsed.success) throw fault('is damaged: bring it again')
  if (parsed.data.cluster !== cluster)
    throw fault(`is of ${parsed.data.cluster}, not of ${cluster}`)
  return parsed.data
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
