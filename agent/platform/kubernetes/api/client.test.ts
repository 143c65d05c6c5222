import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reasonOf } from '../../../reason.ts'
import { type FakeApiServer, kubeconfigOf, startFakeApiServer } from './api-server.fixture.ts'
import { createKubernetesClient, type KubernetesClient, pathOf } from './client.ts'
import { KubernetesError } from './kubernetes-error.ts'

const failure = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  )

describe('a client of the API server', () => {
  let server: FakeApiServer
  let client: KubernetesClient
  beforeEach(async () => {
    server = await startFakeApiServer()
    client = await createKubernetesClient(server.kubeconfig)
  })
  afterEach(async () => {
    client.close()
    await server.stop()
  })
  const get = (more = {}) => client.call({ method: 'GET', path: '/apis/x', ...more })

  it('knows its server and its own namespace from the kubeconfig', () => {
    expect(client.server).toBe(server.url)
    expect(client.namespace).toBe('switchyard')
  })

  it('says in an error what was asked and what the server said', async () => {
    const body = { kind: 'Status', reason: 'Forbidden', message: 'no', code: 403 }
    server.answer('any', { status: 403, body })
    const error = await failure(get())
    expect(error).toBeInstanceOf(KubernetesError)
    expect(error).toMatchObject({ status: 403, reason: 'Forbidden', retryAfterMs: null })
    expect(error.message).toBe('GET /apis/x: 403 Forbidden: no')
  })

  it('keeps to Retry-After, up to a minute', async () => {
    server.answer('any', { status: 429, headers: { 'retry-after': '2' }, body: 'slow down' })
    expect(await failure(get())).toMatchObject({ status: 429, retryAfterMs: 2_000 })
    server.answer('any', { status: 429, headers: { 'retry-after': '86400' } })
    expect(await failure(get())).toMatchObject({ retryAfterMs: 60_000 })
  })

  it('refuses an answer that is not JSON', async () => {
    server.answer('any', { status: 200, body: '<html>' })
    await expect(get()).rejects.toThrow('GET /apis/x: 200')
  })

  it('names the server that is away, and why', async () => {
    await server.away()
    const error = await failure(get())
    expect(reasonOf(error)).toContain(
      `the API server ${server.url} cannot be reached: connect ECONNREFUSED`,
    )
    await server.back()
    await expect(get()).resolves.toMatchObject({ kind: 'EndpointSliceList' })
  })

  it('ends what its caller gives up', async () => {
    const given = AbortSignal.abort(new Error('given up'))
    await expect(get({ signal: given })).rejects.toThrow('given up')
  })

  it('calls while any number of watches is open', async () => {
    const ending = new AbortController()
    const query = { watch: true, timeoutSeconds: 60, resourceVersion: '0' }
    const opened = Array.from({ length: 40 }, () => client.open('/apis/x', query, ending.signal))
    for (const watch of await Promise.all(opened)) watch.on('error', () => {})
    await expect(get()).resolves.toMatchObject({ kind: 'EndpointSliceList' })
    ending.abort()
  })

  it('has no current context: says what to do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'swy-client-'))
    const file = join(folder, 'kubeconfig')
    writeFileSync(file, JSON.stringify({ ...kubeconfigOf('http://x'), 'current-context': 'none' }))
    await expect(createKubernetesClient(file)).rejects.toThrow('kubectl config use-context')
    rmSync(folder, { recursive: true })
  })
})

it('encodes the parts of a path', () => {
  expect(pathOf('apis', 'apps', 'v1', 'a/b')).toBe('/apis/apps/v1/a%2Fb')
})

describe('on the wire', () => {
  let folder: string
  let answer: (request: IncomingMessage, response: ServerResponse) => void
  let client: KubernetesClient
  const server = createServer((request, response) => answer(request, response))
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'swy-client-'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const file = join(folder, 'kubeconfig')
    writeFileSync(file, JSON.stringify(kubeconfigOf(`http://127.0.0.1:${port}/`)))
    client = await createKubernetesClient(file)
  })
  afterEach(async () => {
    client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    rmSync(folder, { recursive: true })
  })

  it('sends token, body and content type, and keeps its connection', async () => {
    const ports = new Set<number | undefined>()
    const heads: unknown[] = []
    answer = async (request, response) => {
      ports.add(request.socket.remotePort)
      let body = ''
      for await (const part of request) body += part
      const { authorization, 'content-type': type, 'content-length': length } = request.headers
      heads.push([request.method, request.url, authorization, type, length, body])
      response.end('{"ok":true}')
    }
    const call = {
      method: 'PATCH',
      path: '/apis/x',
      query: { fieldManager: 'switchyard', dryRun: undefined },
      contentType: 'application/apply-patch+yaml',
      body: { name: 'ä' },
    } as const
    expect(await client.call(call)).toEqual({ ok: true })
    await client.call(call)
    expect(heads[0]).toEqual([
      'PATCH',
      '/apis/x?fieldManager=switchyard',
      'Bearer secret-of-the-agent',
      'application/apply-patch+yaml',
      '13',
      '{"name":"ä"}',
    ])
    expect(ports.size).toBe(1)
  })

  it.each(['head', 'body'])('does not wait for an answer for ever: no %s', async (what) => {
    answer = (_request, response) => {
      if (what === 'body') response.write('{"half":')
    }
    const call = client.call({ method: 'GET', path: '/apis/x', timeoutMs: 50 })
    await expect(call).rejects.toThrow('did not answer within 50 ms: GET /apis/x')
  })

  it('bounds an answer', async () => {
    answer = (_request, response) => {
      const part = Buffer.alloc(1_048_576, 32)
      for (let n = 0; n < 33; n++) response.write(part)
      response.end()
    }
    const call = client.call({ method: 'GET', path: '/apis/x' })
    await expect(call).rejects.toThrow('longer than 33554432 bytes')
  })
})
