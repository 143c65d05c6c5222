/**
 * What is asked of the object itself, beside the API: its log in and out, a higher epoch, less storage. All of
 * it by the bearer of the secret `SWITCHYARD_TRANSFER_TOKEN`; without that secret, by nobody.
 *
 *   GET, PUT, DELETE /edge/log      POST /edge/recover      POST /edge/compact
 */
import { problem } from '../api/problem.ts'
import { hashToken, sameHash } from '../trust/tokens.ts'

type Method = 'GET' | 'PUT' | 'DELETE' | 'POST'
type Answer = (request: Request) => Promise<Response>

export interface Desk {
  /** Null: the address is none of the desk's. */
  answer(request: Request): Promise<Response> | null
}

export function createDesk(
  token: string | undefined,
  calls: Readonly<Record<string, Partial<Record<Method, Answer>>>>,
): Desk {
  const isKnown = (request: Request): boolean => {
    const [, bearer = ''] = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '') ?? []
    return token !== undefined && sameHash(hashToken(bearer), hashToken(token))
  }
  return {
    answer(request) {
      const methods = calls[new URL(request.url).pathname]
      if (!methods) return null
      if (!isKnown(request)) return Promise.resolve(unauthenticated())
      const call = methods[request.method as Method]
      return call ? call(request) : Promise.resolve(wrongMethod(Object.keys(methods).join(', ')))
    },
  }
}

const unauthenticated = () =>
  problem({
    code: 'unauthenticated',
    detail: 'This call needs the bearer token of the secret SWITCHYARD_TRANSFER_TOKEN.',
  })

const wrongMethod = (allow: string) =>
  problem({ code: 'method-not-allowed', detail: `This address takes ${allow}.` }, { allow })
