/** A control that pilots can enrol with and follow over HTTP, made of nothing but the wire. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { bucketLinesType, writeBucketLines } from '#wire/bucket-lines.ts'
import type { EnrolmentAnswer } from '#wire/enrolment.ts'
import { enrolmentRequest } from '#wire/enrolment.ts'
import type { Header } from '#wire/header.ts'
import { type Report, report } from '#wire/report.ts'
import { open, type PinnedKeys, pinKeys, sealed } from '#wire/signature.ts'
import { agentPaths } from '#wire/subjects.ts'
import { bucketHashes, emptyTree, type Tree } from '#wire/tree.ts'
import { announceChange, bytesOf, createSigner, headerOf, type Signer } from './fleet.fixture.ts'

export interface FakeControl {
  readonly url: string
  readonly signer: Signer
  /** Another key signs from now on. */
  signWith(signer: Signer): void
  readonly reports: Report[]
  newest(): Report | undefined
  /** Stores and announces, with the changes riding along. */
  publish(tree: Tree, revision: number, changes?: Partial<Header>): Promise<void>
  /** Shows bytes to subscribers without storing them. */
  show(bytes: Uint8Array): void
  /** Everybody is cut off, and nobody is answered, while it is away. */
  away(away: boolean): void
  close(): Promise<void>
}

export async function startFakeControl(cluster = 'eu-1'): Promise<FakeControl> {
  let signer = await createSigner()
  const paths = agentPaths(cluster)
  const reports: Report[] = []
  const subscribers = new Set<ServerResponse>()
  let agents: PinnedKeys = new Map()
  let tree = emptyTree
  let header: Uint8Array | null = null
  let isAway = false

  const server = createServer((request, response) => {
    if (isAway) return request.socket.destroy()
    answer(request, response).catch((error) => {
      response.writeHead(500)
      response.end(String(error))
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://control')
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    switch (url.pathname) {
      case paths.enrol: {
        const { agent, publicKey } = enrolmentRequest.parse(JSON.parse(body))
        agents = await pinKeys([publicKey])
        const told: EnrolmentAnswer = {
          cluster,
          agent,
          epoch: { number: 1, id: '0123456789abcdef' },
          controlKeys: [signer.publicKey],
          token: 'swy_agent_0123456789',
          nats: null,
        }
        return void response.end(JSON.stringify(told))
      }
      case paths.announcements:
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.flushHeaders()
        subscribers.add(response)
        return void response.once('close', () => subscribers.delete(response))
      case paths.header:
        response.writeHead(header ? 200 : 204)
        return void response.end(header ?? undefined)
      case paths.index:
        return void response.end(bytesOf({ hashes: bucketHashes(tree) }))
      case paths.buckets: {
        const ids = url.searchParams.get('ids')!.split(',').map(Number)
        const found = ids.map(
          (bucket) =>
            [bucket, bytesOf({ bucket, objects: tree.buckets[bucket]!.objects })] as const,
        )
        response.setHeader('content-type', bucketLinesType)
        return void response.end(Buffer.concat(writeBucketLines(new Map(found))))
      }
      case paths.reports: {
        const opened = await open(sealed.parse(JSON.parse(body)), agents)
        if ('refused' in opened) throw new Error(opened.refused)
        reports.push(report.parse(JSON.parse(Buffer.from(opened.payload).toString())))
        response.writeHead(202)
        return void response.end()
      }
      default:
        response.writeHead(404)
        response.end()
    }
  }

  function show(bytes: Uint8Array): void {
    for (const subscriber of subscribers) subscriber.write(`data: ${Buffer.from(bytes)}\n\n`)
  }
  const heartbeat = setInterval(() => {
    for (const subscriber of subscribers) subscriber.write(': alive\n\n')
  }, 500)

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    get signer() {
      return signer
    },
    signWith(next) {
      signer = next
    },
    reports,
    newest: () => reports.at(-1),
    async publish(next, revision, changes = {}) {
      const one = headerOf(next, { cluster, revision, ...changes })
      header = bytesOf(await announceChange(signer, one, tree, next))
      tree = next
      show(header)
    },
    show,
    away(away) {
      isAway = away
      if (away) server.closeAllConnections()
    },
    async close() {
      clearInterval(heartbeat)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
