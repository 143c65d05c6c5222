/** A webhook that is waited for after the object left memory: the alarm wakes it, nobody has to call. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openReceiver, type Receiver } from '../../control/webhooks/receiver.fixture.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlOnWorkerd, shop, startControl } from './control-under-test.ts'

let control: ControlOnWorkerd
let receiver: Receiver
beforeEach(async () => {
  receiver = await openReceiver()
  control = await startControl(['eu-1'])
  const body = { url: receiver.url, events: ['app-created'] }
  expect((await control.call('PUT', '/v1/webhooks/audit', { body })).status).toBeLessThan(300)
})
afterEach(async () => {
  await control.stop()
  await receiver.die()
})

const put = (app: string) =>
  control.call('PUT', `/v1/apps/${app}`, {
    body: { ...shop, hosts: [`${app}.example`], clusters: ['eu-1'] },
  })
const told = (app: string) =>
  until(
    `${app} is told`,
    () => receiver.got.map(({ body }) => body).join('\n'),
    (all) => all.includes(app),
    90_000,
  )

it('after its receiver was away', { timeout: 150_000 }, async () => {
  await put('first')
  await told('first')
  await receiver.die()
  await put('second')
  await until(
    'it was tried',
    async () => (await control.call('GET', '/v1/webhooks/audit')).body,
    ({ failures }) => Number(failures) >= 2,
    30_000,
  )
  await receiver.comeBack()
  await control.restart()
  await told('second')
})

it('after workerd was killed before it was told', { timeout: 150_000 }, async () => {
  receiver.answer = 'hang'
  await put('third')
  await until(
    'a message is on its way',
    () => receiver.got.length,
    (count) => count > 0,
    30_000,
  )
  await control.worker.workerd().kill('SIGKILL')
  receiver.got.length = 0
  receiver.answer = 200
  await control.restart()
  await told('third')
})
