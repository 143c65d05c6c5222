/** The intents of the simulated operators, as calls of the API that a person makes. */
import type { Intent } from '../../control/domain/input.ts'
import {
  type ControlClient,
  createControlClient,
  Rejected,
} from '../../deploy/local/control-client.ts'
import { people } from '../simulation/operators.ts'

type Call = readonly [method: string, path: string, body?: unknown]

/** Of each person, what `ask` sends with. */
export type Operators = Readonly<Record<string, ControlClient>>

/** Everybody may release and approve, and override what stands against it. */
export async function hireOperators(admin: ControlClient): Promise<Operators> {
  const hired = people.map(async (name) => {
    const scopes = ['release', 'approve', 'override']
    const { token } = await admin.call<{ token: string }>('POST', '/v1/tokens', { name, scopes })
    return [name, createControlClient(admin.url, token)] as const
  })
  return Object.fromEntries(await Promise.all(hired))
}

/** The code of a refusal, null when it was accepted. Throws when control failed to decide. */
export async function ask(client: ControlClient, intent: Intent): Promise<string | null> {
  const [method, path, body] = callOf(intent)
  try {
    await client.send(method, path, body)
    return null
  } catch (error) {
    if (!(error instanceof Rejected) || error.problem.status >= 500) throw error
    return error.problem.code
  }
}

function callOf(intent: Intent): Call {
  switch (intent.type) {
    case 'put-app':
      return ['PUT', `/v1/apps/${intent.app}`, intent.body]
    case 'create-release':
      return ['POST', '/v1/releases', intent.body]
    case 'set-freeze':
      return ['PUT', `/v1/freezes/${intent.name}`, intent.body]
    case 'lift-freeze':
      return ['DELETE', `/v1/freezes/${intent.name}`]
    case 'promote-release': {
      const { full, override } = intent
      const body = { ...(full && { full }), ...(override && { override }) }
      return ['POST', `/v1/releases/${intent.release}/promote`, body]
    }
    case 'abort-release':
    case 'rollback-release':
    case 'decommission-release':
    case 'pause-release':
    case 'resume-release':
    case 'approve-release': {
      const step = intent.type.slice(0, -'-release'.length)
      return ['POST', `/v1/releases/${intent.release}/${step}`, {}]
    }
    default:
      throw new Error(`no operator asks for ${intent.type}`)
  }
}
