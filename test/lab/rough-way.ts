/**
 * A way to an API server that is as rough as a crowded or a dying one: some requests are answered 429 or 500 and
 * never arrive, connections are cut in the middle of an answer, watches among them.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'

export interface RoughWay {
  /** Leads over it. */
  readonly kubeconfig: string
  /** Whatever is open is cut, and nothing is smooth any more; or it is again. */
  turn(how: 'rough' | 'smooth'): void
  readonly happened: Readonly<Record<Mishap, number>>
  close(): Promise<void>
}

type Mishap = 'too-many' | 'broken' | 'cut'

const refusals = { 'too-many': 429, broken: 500 } as const
/** What befalls one request after another; null: it gets through. */
const mishaps: readonly (Mishap | null)[] = [null, 'cut', 'too-many', 'cut', 'broken', null, 'cut']
const cutWithinMs = 400

/** `file`: of the kubeconfig that it writes. */
export async function openRoughWay(kubeconfig: string, file: string): Promise<RoughWay> {
  const known = JSON.parse(readFileSync(kubeconfig, 'utf8'))
  const [{ cluster }] = known.clusters
  const agent = new https.Agent({
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    keepAlive: true,
  })
  let isRough = false
  let seen = 0
  const happened = { 'too-many': 0, broken: 0, cut: 0 }

  function handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const mishap = isRough ? (mishaps[seen++ % mishaps.length] ?? null) : null
    if (mishap) happened[mishap]++
    if (mishap === 'too-many' || mishap === 'broken') refuse(outgoing, refusals[mishap])
    else lead(incoming, outgoing, mishap === 'cut')
  }

  function lead(incoming: IncomingMessage, outgoing: ServerResponse, cuts: boolean): void {
    const { method, headers, url } = incoming
    const inner = https.request(new URL(url!, cluster.server), { method, headers, agent })
    inner.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
      if (cuts) setTimeout(() => outgoing.destroy(), Math.random() * cutWithinMs)
    })
    inner.on('error', () => outgoing.destroy())
    outgoing.on('close', () => inner.destroy())
    incoming.pipe(inner)
  }

  const server = createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const rough = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
  const clusters = [{ name: known.clusters[0].name, cluster: rough }]
  writeFileSync(file, JSON.stringify({ ...known, clusters }), { mode: 0o600 })
  return {
    kubeconfig: file,
    happened,
    turn(how) {
      isRough = how === 'rough'
      if (isRough) server.closeAllConnections()
    },
    async close() {
      server.closeAllConnections()
      server.close()
      agent.destroy()
    },
  }
}

function refuse(outgoing: ServerResponse, code: number): void {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: 'rough' }
  outgoing.writeHead(code, {
    'content-type': 'application/json',
    ...(code === 429 && { 'retry-after': '1' }),
  })
  outgoing.end(JSON.stringify(status))
}
