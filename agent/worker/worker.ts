/**
 * Entry of a worker process: three files into the router, listen on the inherited sockets, dial the
 * pilot, say what is served, apply what differs (DESIGN D8). Argument: the agent's configuration as JSON;
 * descriptors 4 and 5 are the traffic and the probe socket.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRouter } from '#router/router.ts'
import { limits as wireLimits } from '#wire/limits.ts'
import { supervised } from '../child.ts'
import type { AgentConfig } from '../config.ts'
import { linkPath, type PilotMessage, stateFiles } from '../link.ts'
import { createAgentLog } from '../log.ts'
import { createDataPath } from './data-path.ts'
import { closeReleases, drain } from './drain.ts'
import { startPilotLink } from './pilot-link.ts'
import { createProbeServer } from './readiness.ts'
import { createServed } from './served.ts'
import { zonesFor } from './zones.ts'

const listenFd = 4
const probeFd = 5
const outZoneCount = 32
/** The ledger that control sees is at most this old at the pilot. */
const usageMs = 50

const config = JSON.parse(process.argv[2] ?? '') as AgentConfig
const log = createAgentLog('worker', config)

const wasm = readFileSync(new URL('../../router-wasm/build/router.wasm', import.meta.url))
const router = createRouter({
  wasm,
  tableBytes: wireLimits.tableBytes,
  zones: zonesFor(outZoneCount),
})
router.setVia(`switchyard-${config.cluster}`)

const closeFailed = (error: Error) => log('close-failed', error.message)

let usageIsDue = false
const sendUsage = () => {
  usageIsDue = false
  link?.send({ type: 'usage', usage: path.counts.usage() })
}
const onUsage = () => {
  if (usageIsDue) return
  usageIsDue = true
  setTimeout(sendUsage, usageMs)
}
const keysFile = join(config.stateFolder, stateFiles.controlKeys)
const path = createDataPath({ router, onUsage, keysFile })
const served = createServed(path, log)
let pilotSays: boolean | null = null
let draining = false
let link: ReturnType<typeof startPilotLink> | null = null

async function apply(message: PilotMessage): Promise<void> {
  if (message.type === 'ready') {
    pilotSays = message.ready
    return
  }
  if (message.type === 'table') {
    const reason = await served.loadTable(message.file, message.digest)
    if (reason !== null) {
      link?.send({ type: 'refused', digest: message.digest, reason })
      return
    }
  } else if (message.type === 'positions') {
    served.setPositions(message.positions)
    const close = message.positions.flatMap((position) => position.close)
    if (close.length > 0) closeReleases(path, close).catch(closeFailed)
  } else if (message.type === 'endpoints') served.setEndpoints(message.endpoints, message.number)
  else served.changeEndpoints(message.endpoints, message.number)
  link?.send(
    message.type === 'endpoints-changed'
      ? served.reportEndpoints(Object.keys(message.endpoints))
      : served.report(),
  )
}

const hasFiles = await served.loadFiles(config.stateFolder)

const probes = createProbeServer(() => {
  const absentSinceMs = link?.absentSinceMs() ?? null
  return {
    hasTable: served.hasTable(),
    hasFiles,
    pilotSays,
    pilotAbsentForMs: absentSinceMs === null ? null : performance.now() - absentSinceMs,
    seekHeaderMs: wireLimits.seekHeaderMs,
    draining,
  }
})

const child = supervised(() => {
  draining = true
  drain(path)
    .then(sendUsage)
    .catch(closeFailed)
    .finally(() => process.exit(0))
})

link = startPilotLink({
  socketPath: linkPath(config.stateFolder),
  onConnect() {
    link?.send(served.report())
    sendUsage()
  },
  onMessage: apply,
  log,
})
probes.listen({ fd: probeFd })
path.server.listen({ fd: listenFd }, () => child.tell({ type: 'listening' }))
