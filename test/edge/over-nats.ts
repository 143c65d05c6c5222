/** For tests: control on workerd that announces over a real NATS, with a proxy between the two. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { announcement } from '#wire/header.ts'
import { createNatsSession } from '../../agent/pilot/session/nats.ts'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { type LocalNats, startNats } from '../../deploy/local/nats.ts'
import { freePorts } from '../../deploy/local/ports.ts'
import { type ControlOnWorkerd, startControl } from './control-under-test.ts'
import { type NatsProxy, startNatsProxy } from './nats-proxy.ts'

const revisionIn = (bytes: Uint8Array): number => {
  const { header } = announcement.parse(JSON.parse(new TextDecoder().decode(bytes)))
  return JSON.parse(Buffer.from(header.payload, 'base64url').toString()).revision
}

export interface OverNats {
  readonly control: ControlOnWorkerd
  readonly proxy: NatsProxy
  readonly nats: LocalNats
  /** How often an object has begun to work: once, and once more after it left memory. */
  lives(): number
  /** Of the header that is stored in NATS; null: none. */
  storedRevision(cluster: string): Promise<number | null>
  /** NATS stops; `wipe`: what it had stored is gone. */
  stopNats(wipe?: boolean): Promise<void>
  startNats(): Promise<void>
  stop(): Promise<void>
}

export async function startOverNats(
  clusters: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<OverNats> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-edge-nats-'))
  const place = { stateFolder: folder, port: (await freePorts(clusters, 1)).nats, clusters }
  let nats = await startNats(place)
  const proxy = await startNatsProxy(place.port)
  const control = await startControl([...clusters], {
    variables: {
      SWITCHYARD_NATS: proxy.servers,
      SWITCHYARD_NATS_CREDENTIALS: readFileSync(nats.credentialsFile, 'utf8'),
      ...variables,
    },
  })
  return {
    control,
    proxy,
    get nats() {
      return nats
    },
    lives: () => control.said.filter(({ code }) => code === 'control-started').length,
    async storedRevision(cluster) {
      const { clusters: users } = natsCredentials.parse(
        JSON.parse(readFileSync(nats.credentialsFile, 'utf8')),
      )
      const session = createNatsSession({
        servers: [nats.servers],
        ...users[cluster]!,
        cluster,
        agent: `${cluster}-test`,
      })
      try {
        const bytes = await session.header(AbortSignal.timeout(5_000))
        return bytes && revisionIn(bytes)
      } finally {
        await session.close()
      }
    },
    async stopNats(wipe = false) {
      await nats.stop()
      if (wipe) rmSync(nats.storeFolder, { recursive: true })
    },
    async startNats() {
      nats = await startNats(place)
    },
    async stop() {
      await control.stop()
      await proxy.close()
      await nats.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
