/** For tests: an application on one cluster with two agents, its first release live and its second ready. */
import type { PositionObject, SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../../control/agent-under-test.ts'
import { type Called, type ControlUnderTest, shop } from './control-under-test.ts'

export interface Switching {
  readonly agents: readonly AgentUnderTest[]
  motion(what: 'promote' | 'rollback', id: string, key?: string): Promise<Called>
  shown(id: string): Promise<Called['body']>
  position(): Promise<PositionObject>
  /** These agents follow the position: prepared for what is next and, if they acknowledge, active with what is. */
  follow(who?: readonly AgentUnderTest[], acknowledges?: boolean): Promise<void>
  /** The agents follow until it is. */
  untilLive(id: string): Promise<void>
}

export async function openSwitching(
  control: ControlUnderTest,
  deadlineMs: number,
): Promise<Switching> {
  const agents = [
    await enrolAgent(control, 'eu-1', 'eu-1-a'),
    await enrolAgent(control, 'eu-1', 'eu-1-b'),
  ]
  const release = (version: string) =>
    control.call('POST', '/v1/releases', {
      body: { app: 'shop', version, autoPromote: false, deadlineMs },
    })
  const shown = async (id: string) => (await control.call('GET', `/v1/releases/${id}`)).body
  async function position(): Promise<PositionObject> {
    const snapshot = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = snapshot.body.objects as unknown as SnapshotObject[]
    return objects.find((object) => object.kind === 'position')!
  }
  async function follow(who: readonly AgentUnderTest[] = agents, acknowledges = true) {
    const held = await position()
    for (const agent of who) {
      await agent.report({
        readyEndpoints: { 'shop-r1': 1, 'shop-r2': 1 },
        positions: {
          shop: {
            prepared: held.next?.generation ?? 0,
            active: acknowledges ? held.generation : 0,
            appliedMs: 1,
            activeForMs: 1,
          },
        },
      })
    }
  }
  const motion = (what: string, id: string, key: string = crypto.randomUUID()) =>
    control.call('POST', `/v1/releases/${id}/${what}`, { headers: { 'idempotency-key': key } })
  async function untilLive(id: string): Promise<void> {
    for (let n = 0; n < 50; n++) {
      if ((await shown(id)).phase === 'live') return
      await follow()
    }
    throw new Error(`${id} is not live: ${JSON.stringify(await shown(id))}`)
  }

  await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
  await release('1')
  await follow()
  await motion('promote', 'shop-r1')
  await untilLive('shop-r1')
  await release('2')
  await follow()
  return { agents, motion, shown, position, follow, untilLive }
}
