/** Ingress objects, brought to control over HTTP with this agent's own token. */
import { z } from 'zod'
import { rejections } from '#wire/codes.ts'
import { ingressIntent } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import { agentPaths } from '#wire/subjects.ts'
import type { IngressDesk, IngressRefusal } from '../../platform/platform.ts'

export interface IngressDeskOptions {
  /** Control's base URL. */
  readonly url: string
  readonly cluster: string
  /** Read at each call. */
  readonly token: string
}

const callMs = 10_000
/** A list says less than 500 bytes of each object, and of some who claimed its route. */
const answerBytesMax = limits.ingressesPerCluster * 512 + limits.routeClaims * limits.reasonChars

const list = z.object({
  ingresses: z
    .array(
      z.object({
        namespace: z.string(),
        name: z.string(),
        uid: ingressIntent.shape.uid,
        hash: ingressIntent.shape.hash,
        served: z.boolean(),
        claimed: z.string().optional(),
      }),
    )
    .max(limits.ingressesPerCluster),
})
const problem = z.object({ code: z.string(), detail: z.string().default('') })

export function createIngressDesk(options: IngressDeskOptions): IngressDesk {
  const { url, cluster } = options
  const { ingresses } = agentPaths(cluster)
  const one = (namespace: string, name: string) =>
    `${ingresses}/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`

  async function call(method: string, path: string, signal: AbortSignal, body?: unknown) {
    const answer = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${options.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(callMs)]),
    })
    const text = await answer.text()
    if (text.length > answerBytesMax) throw new Error(`${path}: an answer of ${text.length} bytes`)
    return { ok: answer.ok, status: answer.status, json: JSON.parse(text || 'null') as unknown }
  }

  /** A "no" to this object is a value; when control cannot say yes to anything it is thrown. */
  async function ask(method: string, path: string, signal: AbortSignal, body?: unknown) {
    const { ok, status, json } = await call(method, path, signal, body)
    if (ok) return null
    const said = problem.safeParse(json).data ?? { code: '', detail: '' }
    if (isAboutTheObject(said)) return said
    throw new Error(`${path}: control answered ${status} ${said.code}`)
  }

  return {
    async list(signal) {
      const { ok, status, json } = await call('GET', ingresses, signal)
      if (!ok) throw new Error(`${ingresses}: control answered ${status}`)
      return list.parse(json).ingresses
    },
    put: (namespace, name, intent, signal) => ask('PUT', one(namespace, name), signal, intent),
    remove: (namespace, name, signal) => ask('DELETE', one(namespace, name), signal),
  }
}

const statusesOfAnObject: ReadonlySet<number> = new Set([400, 409, 413, 422])

const isAboutTheObject = ({ code }: IngressRefusal): boolean =>
  Object.hasOwn(rejections, code) &&
  statusesOfAnObject.has(rejections[code as keyof typeof rejections].status)
