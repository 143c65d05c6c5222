/** A fleet over NATS with agents that have no NATS: they follow the same control over HTTP. */
import { type ServerType, serve } from '@hono/node-server'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emptyTree } from '#wire/tree.ts'
import { createHttpSession } from '../../agent/pilot/session/http.ts'
import { alsoHttp } from '../../control/delivery/also-http.ts'
import { createHttpTransport, type HttpTransport } from '../../control/delivery/http.ts'
import { type ControlSide, makeKeys, openControlSide } from './control-side.ts'
import { openReader, type Reader } from './reader.ts'
import { makeAgent, reportOf, sealReport } from './reports.ts'
import { type NatsRig, openNatsRig } from './rig.ts'
import { createHistory, manyObjects, withObjects } from './trees.ts'

const cluster = 'eu-1'
const keys = await makeKeys()
const agent = await makeAgent(cluster, 'eu-1-a')

let rig: NatsRig
let http: HttpTransport
let server: ServerType
let url: string
let control: ControlSide
let history: ReturnType<typeof createHistory>
const readers: Reader[] = []

beforeEach(async () => {
  rig = await openNatsRig()
  server = await new Promise<ServerType>((resolve) => {
    const fetch = (request: Request) => http.respond(cluster, request)
    const made = serve({ fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made))
  })
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  history = createHistory(manyObjects(300, 1))
  control = await openControl()
})
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.stop()
  await control.stop()
  await http.close()
  await new Promise((resolve) => {
    server.close(resolve)
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
  await rig.close()
})

async function openControl(): Promise<ControlSide> {
  http = createHttpTransport({ heartbeatMs: 200 })
  return openControlSide({
    transport: alsoHttp(await rig.transport(), http),
    keys,
    publications: new Map([[cluster, history.newest()]]),
    enrolled: { [cluster]: [agent.enrolled] },
  })
}
const session = () =>
  createHttpSession({ url, cluster, agent: 'eu-1-a', token: 'test', silentAfterMs: 2_000 })
async function open(over: ReturnType<typeof session>): Promise<Reader> {
  const reader = await openReader(over, cluster, keys.publicKeys)
  readers.push(reader)
  return reader
}
async function change(value: number): Promise<void> {
  history.next((tree) => withObjects(tree, { 1: value }))
  await control.publisher.publish(cluster, history.newest())
}

test('an agent over HTTP and one over NATS hold the same, change by change', async () => {
  const both = [await open(session()), await open(rig.session(cluster, 'eu-1-b'))]
  for (let value = 2; value < 8; value++) {
    await change(value)
    await Promise.all(both.map((reader) => reader.reaches(history.newest().tree.root)))
  }
})

test('control restarted: what the stream has is there for HTTP again, though nothing is published', async () => {
  await change(2)
  await (await open(session())).reaches(history.newest().tree.root)
  await control.stop()
  control = await openControl()
  const late = await open(session())
  await late.reaches(history.newest().tree.root)
  expect(late.history.at(-1)?.revision).toBe(history.newest().revision)
})

test('while NATS is away nothing new is shown over HTTP, and all of it afterwards', async () => {
  const reader = await open(session())
  await reader.reaches(history.newest().tree.root)
  const before = reader.held()?.revision
  await rig.outage(async () => {
    await change(2)
    expect(reader.held()?.revision).toBe(before)
  })
  await reader.reaches(history.newest().tree.root)
})

test('a report that is POSTed counts', async () => {
  const own = session()
  const report = reportOf(agent, 1, {})
  await own.report(await sealReport(report, agent.key), AbortSignal.timeout(10_000))
  expect(control.reports).toEqual([report])
  await own.close()
})

test('a change of nothing is not announced again at every look', async () => {
  const over = session()
  let seen = 0
  const stop = new AbortController()
  const listening = over.subscribe(() => seen++, stop.signal)
  await (await open(session())).reaches(history.newest().tree.root)
  await control.transport.readHeader(cluster)
  await control.transport.readHeader(cluster)
  await change(2)
  await (await open(session())).reaches(history.newest().tree.root)
  stop.abort()
  await listening
  expect(seen).toBeLessThanOrEqual(2)
  await over.close()
})

test('an empty cluster is one that an agent over HTTP can hold', async () => {
  history.next(() => emptyTree)
  await control.publisher.publish(cluster, history.newest())
  await (await open(session())).reaches(emptyTree.root)
})
