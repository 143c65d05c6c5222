import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EnrolmentAnswer, type EnrolmentRequest, enrolmentRequest } from '#wire/enrolment.ts'
import type { AgentConfig } from '../../config.ts'
import { createSigner, type Signer, until } from '../fleet.fixture.ts'
import { enrol, storedIdentity } from './enrol.ts'

let folder: string
let control: Signer
let server: Server
let config: AgentConfig
let requests: EnrolmentRequest[]
let status: number
let answer: Partial<EnrolmentAnswer>
let said: string[]

const token = 'swy_enrol_secret'

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-enrol-'))
  control = await createSigner()
  requests = []
  status = 200
  answer = {}
  said = []
  server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    if (request.headers.authorization !== `Bearer ${token}`) status = 401
    requests.push(enrolmentRequest.parse(JSON.parse(Buffer.concat(parts).toString())))
    response.writeHead(request.url === '/v1/agents/enrol' ? status : 404)
    const whole: EnrolmentAnswer = {
      cluster: 'eu-1',
      agent: 'eu-1-a',
      epoch: { number: 1, id: '0123456789abcdef' },
      controlKeys: [control.publicKey],
      token: 'swy_agent_0123456789',
      nats: null,
      ...answer,
    }
    response.end(JSON.stringify(whole))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  config = {
    cluster: 'eu-1',
    name: 'eu-1-a',
    stateFolder: folder,
    listen: { host: '127.0.0.1', port: 1 },
    probe: { host: '127.0.0.1', port: 2 },
    admin: { host: '127.0.0.1', port: 3 },
    workers: 1,
    control: { url: `http://127.0.0.1:${port}`, enrolmentToken: token },
    nats: null,
    platform: { type: 'static', file: 'x' },
  }
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

const attempt = (signal = AbortSignal.timeout(5_000)) =>
  enrol(config, (_, text) => said.push(text), signal)

describe('an agent that enrols', () => {
  it('shows a key of its own, pins what control answers, and needs no network afterwards', async () => {
    expect(await storedIdentity(config)).toBe(null)
    const identity = await attempt()
    expect(requests[0]).toMatchObject({ agent: 'eu-1-a', publicKey: identity.key.publicKey })
    expect(identity.enrolment.controlKeys).toEqual([control.publicKey])
    const again = await storedIdentity(config)
    expect(again?.key.keyId).toBe(identity.key.keyId)
    expect(again?.enrolment).toEqual(identity.enrolment)
    expect(requests).toHaveLength(1)
  })

  it('keeps its secrets for itself', async () => {
    await attempt()
    for (const name of ['agent.key', 'enrolment.json']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    }
  })

  it('shows the same key when it has to ask again', async () => {
    status = 503
    const waiting = attempt()
    await until('two requests', () => requests.length >= 2)
    status = 200
    await waiting
    expect(new Set(requests.map(({ publicKey }) => publicKey)).size).toBe(1)
    expect(said).toHaveLength(2)
    expect(said[1]).toBe('enrolled in eu-1')
    expect(said[0]).toContain('control answered 503')
  })

  it('says that its token is wrong, and stops asking when it is told to', async () => {
    config = { ...config, control: { ...config.control, enrolmentToken: 'other' } }
    const stopping = new AbortController()
    const waiting = attempt(stopping.signal)
    await until('a reason', () => said[0]?.includes('control answered 401'))
    stopping.abort()
    await expect(waiting).rejects.toThrow()
    expect(await storedIdentity(config)).toBe(null)
  })

  it('says that it has no token at all', async () => {
    config = { ...config, control: { ...config.control, enrolmentToken: null } }
    await expect(attempt(AbortSignal.timeout(100))).rejects.toThrow()
    expect(said[0]).toContain('--enrol has no token')
  })

  it('does not accept to be somebody else', async () => {
    answer = { agent: 'eu-1-b' }
    await expect(attempt(AbortSignal.timeout(100))).rejects.toThrow()
    expect(said[0]).toContain('control enrolled eu-1-b')
  })

  it('does not use the folder of another agent', async () => {
    await attempt()
    await expect(storedIdentity({ ...config, name: 'eu-1-b' })).rejects.toThrow('another --state')
  })

  it('does not start with a damaged identity', async () => {
    await attempt()
    writeFileSync(
      join(folder, 'enrolment.json'),
      readFileSync(join(folder, 'enrolment.json')).subarray(9),
    )
    await expect(storedIdentity(config)).rejects.toThrow()
  })
})
