import { beforeEach, describe, expect, it } from 'vitest'
import type { ApiServer } from './api-server.fixture.ts'
import type { Answer, Body } from './cluster.ts'
import { type Outcome, reconcile } from './reconcile.ts'
import { adoptedRelease, imageRelease, serverWithTemplate } from './story.fixture.ts'

const wanted = [imageRelease(1), adoptedRelease(2, 'app-blue')]
let server: ApiServer

beforeEach(() => {
  server = serverWithTemplate()
})

/** `answer`: what the API server says to the making of shop-r1. */
const applyWhen = (answer: () => Answer<never>): Promise<Outcome> => {
  const client = server.client()
  const create = async (body: Body, signal: AbortSignal) =>
    body.metadata.name === 'shop-r1' ? answer() : client.create(body, signal)
  const fence = { prove: async () => 'held' as const, keepsOrphans: () => false }
  const task = { name: 'eu-1', place: { epoch: 1, revision: 1 }, wanted, stampAll: false }
  return reconcile({ ...client, create }, fence, task, () => {}, new AbortController().signal)
}
const refuseWith = (message: string) => () => ({ ok: false, code: 'forbidden', message }) as const
const words = ({ troubles }: Outcome) => troubles.get('shop-r1')?.join()

describe('a write that fails', () => {
  it('because a webhook is away is told with its release, and holds up no other', async () => {
    const failed = 'POST …: 500 InternalError: failed calling webhook "mutate.example"'
    const outcome = await applyWhen(() => {
      throw new Error(failed)
    })
    expect(outcome).toMatchObject({ state: 'applied', settled: false })
    expect(words(outcome)).toBe(failed)
    expect(server.find('Service', 'shop-r2')).toBeDefined()
  })

  it('is the missing role alone when RBAC says no, and not when a webhook does', async () => {
    const denied = 'admission webhook "policy" denied the request: containers cannot run as root'
    expect(words(await applyWhen(refuseWith(denied)))).toBe(denied)
    const role = 'deployments.apps is forbidden: User "agent" cannot create resource "deployments"'
    expect(words(await applyWhen(refuseWith(role)))).toContain('its RoleBinding is missing')
  })
})
