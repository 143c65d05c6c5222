/** One cluster's user may touch only its own subjects (DESIGN D4). */
import { connect, createInbox, headers, type NatsConnection } from 'nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inboxPrefix, streamName, subjects } from '#wire/subjects.ts'
import { emptyTree } from '#wire/tree.ts'
import { StaleWriter } from '../../control/delivery/transport.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlSide, makeKeys, openControlSide } from './control-side.ts'
import { type NatsRig, openNatsRig } from './rig.ts'
import { createHistory, withObjects } from './trees.ts'

describe("a cluster's NATS user", () => {
  let rig: NatsRig
  let control: ControlSide
  let agent: NatsConnection

  beforeAll(async () => {
    rig = await openNatsRig()
    const publication = createHistory(withObjects(emptyTree, { 1: 1 })).newest()
    control = await openControlSide({
      transport: await rig.transport(),
      keys: await makeKeys(),
      publications: new Map([
        ['eu-1', publication],
        ['us-1', publication],
      ]),
    })
    for (const cluster of ['eu-1', 'us-1']) {
      const out = () => control.publisher.progress().get(cluster)?.published
      await until('the header is out', out, (revision) => revision === 1)
    }
    const { user, password } = await rig.user('eu-1')
    agent = await connect({
      servers: rig.server().servers,
      user,
      pass: password,
      inboxPrefix: inboxPrefix('eu-1'),
    })
  })
  afterAll(async () => {
    await agent.close()
    await control.stop()
    await rig.close()
  })

  const own = subjects('eu-1')
  const foreign = subjects('us-1')
  const api = (verb: string, cluster = 'eu-1') => `$JS.API.${verb}.${streamName(cluster)}`

  test.each([
    ['its header', `${api('DIRECT.GET')}.${own.header}`, ''],
    ['several buckets', api('DIRECT.GET'), JSON.stringify({ multi_last: [own.bucket('*')] })],
    ['a report of its own', own.report('eu-1-a'), '{}'],
  ])('may ask for %s', async (_, subject, body) => {
    const answer = await agent.request(subject, body, { timeout: 2_000 })
    expect(answer.headers?.code ?? 0).toBeLessThan(400)
  })

  test.each([
    ['publish its own header', own.header],
    ['publish its own index', own.index],
    ['publish its own bucket', own.bucket(3)],
    ["publish another cluster's header", foreign.header],
    ['report into another cluster', foreign.report('us-1-a')],
    ["read another cluster's header", `${api('DIRECT.GET', 'us-1')}.${foreign.header}`],
    ["read another cluster's stream", api('DIRECT.GET', 'us-1')],
    ['ask about a stream', api('STREAM.INFO')],
    ['change a stream', api('STREAM.UPDATE')],
    ['purge a stream', api('STREAM.PURGE')],
    ['delete a stream', api('STREAM.DELETE')],
    ['make a consumer', `$JS.API.CONSUMER.CREATE.${streamName('eu-1')}`],
    ['read by the API that is not direct', api('STREAM.MSG.GET')],
  ])('may not %s', async (_, subject) => {
    await expect(agent.request(subject, '{}', { timeout: 2_000 })).rejects.toThrow(
      /permissions violation/i,
    )
  })

  test.each([
    ['its reports', own.reports],
    ["another cluster's header", foreign.header],
    ['everything', '>'],
    ["another cluster's replies", `${inboxPrefix('us-1')}.>`],
    ["control's replies", '_INBOX_control.>'],
    ['the default inbox', `${createInbox()}.>`],
  ])('may not listen to %s', async (_, subject) => {
    const refused = new Promise<unknown>((resolve) => {
      agent.subscribe(subject, { callback: (error) => resolve(error) })
    })
    expect(String(await refused)).toMatch(/permissions violation/i)
  })

  test('cannot connect with a wrong password', async () => {
    const { user } = await rig.user('eu-1')
    const wrong = connect({ servers: rig.server().servers, user, pass: 'wrong', reconnect: false })
    await expect(wrong).rejects.toThrow(/authorization violation/i)
  })

  test('a header goes only over the sequence that its writer has seen', async () => {
    const { transport } = control
    const other = await rig.transport()
    await other.readHeader('eu-1')
    const bytes = (await transport.readHeader('eu-1'))!
    await other.publishHeader('eu-1', bytes)
    await expect(transport.publishHeader('eu-1', bytes)).rejects.toThrow(StaleWriter)
    await other.close()
  })

  test('junk subjects are refused before they could push a bucket out', async () => {
    const sent = Array.from({ length: 1_200 }, (_, n) =>
      agent.request(own.report(`junk-${n}`), '{}', { timeout: 5_000, headers: headers() }),
    )
    const answers = await Promise.all(sent)
    const refused = answers.filter((answer) => answer.json<{ error?: object }>().error).length
    expect(refused).toBeGreaterThan(400)
    expect((await control.transport.readBuckets('eu-1')).size).toBeGreaterThan(0)
    expect(await control.transport.readHeader('eu-1')).not.toBeNull()
  })
})
