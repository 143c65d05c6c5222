/**
 * Who this agent is and whom it believes (DESIGN D14): its own key, made once; control's keys, its token
 * and its NATS user, got for an enrolment token once. Both are kept in the state folder, mode 0600.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type EnrolmentAnswer, enrolmentAnswer } from '#wire/enrolment.ts'
import type { Say } from '#wire/log-line.ts'
import { generateKey, loadKey, publicKeyText, type SigningKey } from '#wire/signature.ts'
import { agentPaths } from '#wire/subjects.ts'
import { backoffMs } from '../../backoff.ts'
import type { AgentConfig } from '../../config.ts'
import { readIfThere, writeDurably } from '../../durable-file.ts'
import { reasonOf } from '../../reason.ts'

const keyFile = 'agent.key'
const enrolmentFile = 'enrolment.json'
const retry = { firstMs: 100, mostMs: 5_000 }
const callMs = 5_000
const answerCharsMax = 65_536

const storedKey = z.strictObject({ pkcs8: z.base64url(), publicKey: publicKeyText })

export interface Identity {
  readonly key: SigningKey
  readonly enrolment: EnrolmentAnswer
}

/** The stored identity; null when this agent has not enrolled yet. Needs no network. */
export async function storedIdentity(config: AgentConfig): Promise<Identity | null> {
  const bytes = readIfThere(join(config.stateFolder, enrolmentFile))
  if (!bytes) return null
  const enrolment = enrolmentAnswer.parse(JSON.parse(bytes.toString()))
  if (enrolment.cluster !== config.cluster || enrolment.agent !== config.name) {
    throw new Error(
      `${config.stateFolder} belongs to agent ${enrolment.agent} of ${enrolment.cluster}: ` +
        'give another --state folder',
    )
  }
  return { key: await ownKey(config.stateFolder), enrolment }
}

/** Asks control until it answers, with growing pauses. `log` hears each new reason for a failure. */
export async function enrol(config: AgentConfig, log: Say, signal: AbortSignal): Promise<Identity> {
  const key = await ownKey(config.stateFolder)
  let said = ''
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      const enrolment = await askOnce(config, key.publicKey, signal)
      const file = join(config.stateFolder, enrolmentFile)
      writeDurably(file, JSON.stringify(enrolment, null, 2))
      log('agent-enrolled', `enrolled in ${enrolment.cluster}`)
      return { key, enrolment }
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== said) log('not-enrolled', `not enrolled yet: ${reason}`)
      said = reason
    }
    await delay(backoffMs(attempt, retry, Math.random()), undefined, { signal })
  }
}

async function askOnce(
  config: AgentConfig,
  publicKey: string,
  signal: AbortSignal,
): Promise<EnrolmentAnswer> {
  const token = config.control.enrolmentToken
  if (!token) throw new Error('--enrol has no token after "#"')
  const response = await fetch(config.control.url + agentPaths(config.cluster).enrol, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ cluster: config.cluster, agent: config.name, publicKey }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(callMs)]),
  })
  const text = (await response.text()).slice(0, answerCharsMax)
  if (!response.ok) throw new Error(`control answered ${response.status}: ${text.slice(0, 300)}`)
  const answer = enrolmentAnswer.parse(JSON.parse(text))
  if (answer.cluster !== config.cluster || answer.agent !== config.name) {
    throw new Error(`control enrolled ${answer.agent} of ${answer.cluster} instead`)
  }
  return answer
}

export async function ownKey(stateFolder: string): Promise<SigningKey> {
  const file = join(stateFolder, keyFile)
  const bytes = readIfThere(file)
  if (bytes) return loadKey(storedKey.parse(JSON.parse(bytes.toString())))
  const { key, pkcs8 } = await generateKey()
  writeDurably(file, JSON.stringify({ pkcs8, publicKey: key.publicKey }))
  return key
}
