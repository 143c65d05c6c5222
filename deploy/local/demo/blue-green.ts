/**
 * Blue-green: 0.0.2 is started beside 0.0.1 and tried, all traffic moves to it and back, processes are
 * killed, and 0.0.1 is removed once nothing uses it. Ends with 0.0.2 live.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Rejected } from '../control-client.ts'
import { openStream, openTunnel } from '../exchanges.ts'
import { dim, say } from '../screen.ts'
import { app, authority, preview } from '../setting.ts'
import { until, untilPhase } from '../until.ts'
import { headline, promise, type Scene, tookMs } from './scene.ts'

const quickSwitches = 20

export async function blueGreen(scene: Scene): Promise<void> {
  const { fleet, load, move } = scene
  const { client } = fleet
  const [target] = fleet.targets()

  headline(`0.0.2 starts beside 0.0.1, and is tried at ${preview.path}`)
  const { id: second } = await client.createRelease({ app, version: '0.0.2', preview })
  await untilPhase(client, second, 'ready', 30_000)
  const previewAt = `http://127.0.0.1:${target!.port}${preview.path}/cart`
  say(dim(`  ${second} is ready; preview: curl -H 'host: ${authority}' ${previewAt}`))
  promise('the public sees only 0.0.1', Object.keys((await load.counts()).byVersion).length === 1)

  headline('Promote, with a response still streaming and a WebSocket open on 0.0.1')
  const stream = await openStream(target!, authority, 1_500)
  const tunnel = await openTunnel(target!, authority)
  await move(second, '0.0.2', 'promote')
  promise('the WebSocket stays on 0.0.1', (await tunnel.say('hello')) === '0.0.1: hello')
  promise('the streamed response arrives whole from 0.0.1', (await stream.finished).whole)
  await delay(500)

  headline('Roll back')
  const back = await move(second, '0.0.1', 'rollback')
  promise('it took less than a second', tookMs(back) < 1_000)
  await delay(500)

  await killProcesses(scene)
  await move(second, '0.0.2', 'promote')

  headline('Decommission 0.0.1 while its WebSocket is still open')
  const first = (await client.releases(app)).find(({ version }) => version === '0.0.1')!
  const refused = await client.step(first.id, 'decommission').catch((error: unknown) => error)
  promise(
    'it is refused with the ledger',
    refused instanceof Rejected && refused.problem.code === 'in-use',
  )
  say(dim(`  ${(refused as Rejected).problem.detail}`))
  await move(second, '0.0.1', 'rollback')

  headline(`${quickSwitches} switches in a row`)
  for (let n = 0; n < quickSwitches; n++) {
    const forward = n % 2 === 0
    await move(second, forward ? '0.0.2' : '0.0.1', forward ? 'promote' : 'rollback', true)
  }
  await move(second, '0.0.2', 'promote')

  headline('Close the WebSocket and decommission 0.0.1')
  await tunnel.close()
  await decommissioned(scene, first.id)
}

async function killProcesses({ fleet }: Scene): Promise<void> {
  headline('Kill a pilot and control with -9 while traffic flows')
  await fleet.kill('eu-1-a.pilot')
  await fleet.kill('control')
  await delay(1_000)
  await fleet.startOne('control')
  await until(
    'the pilot is back',
    () => fleet.pid('eu-1-a.pilot'),
    (pid) => pid !== null,
  )
  say('  both are back')
  if (!fleet.natsUrl) return
  headline('Stop NATS for two seconds')
  await fleet.stopOne('nats')
  await delay(2_000)
  await fleet.startOne('nats')
  say('  it is back')
}

/** Once nothing uses it: its copies stop, and it is gone. */
export async function decommissioned({ fleet }: Scene, release: string): Promise<void> {
  const { client } = fleet
  await until(
    `nothing uses ${release}`,
    () => client.getRelease(release),
    (view) => view.ledger.mayDecommission,
  )
  await client.step(release, 'decommission')
  const { version } = await untilPhase(client, release, 'decommissioned')
  promise(`${version} is gone`, true)
}
