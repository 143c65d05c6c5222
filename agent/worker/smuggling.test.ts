/**
 * No ambiguous message reaches a backend (DESIGN P11): every case of the router's grammar is sent over a
 * socket with another request behind it, and a recorder behind the proxy says what came through. The
 * recorder is read twice: as bytes, and by an HTTP parser that is not ours.
 */
import { once } from 'node:events'
import http from 'node:http'
import { expect, test } from 'vitest'
import { requestCases } from '#router/http-request.cases.ts'
import * as at from '#router/layout.ts'
import { between, eventually, get, kept, ok, portOf, rawBackend, rawClient } from './stage.ts'

const after = 'GET /after HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'

/** Answers each complete message; a message is complete when its last byte is `!` or it has no body. */
const recorder = () =>
  rawBackend((socket, text) => {
    const last = text.slice(text.lastIndexOf(' HTTP/1.1\r\n'))
    const hasBody = /content-length: [1-9]|transfer-encoding/i.test(last)
    const done = hasBody ? /(!|\r\n0\r\n\r\n)$/.test(last) : last.endsWith('\r\n\r\n')
    if (done) socket.write(ok('recorded'))
  })

const refused = requestCases.filter((one) => one.answer !== undefined)
const forwarded = requestCases.filter(
  (one) => one.forwards?.some((line) => /^Host: (a\.example|shop\.test)$/i.test(line)) ?? false,
)

test('a head that breaks a rule is answered by us, and nothing of it is sent on', async () => {
  const backend = kept(await recorder())
  const stage = await between([backend], { hosts: ['a.example', 'shop.test'] })
  for (const one of refused) {
    const before = backend.received.join('').length
    const client = await rawClient(stage.port)
    client.send(Buffer.from(`${one.head}${after}`, 'latin1'))
    const status = one.answer === 204 ? 204 : one.answer
    const name = `row ${one.row}: ${one.name}`
    await eventually(() => client.text().startsWith(`HTTP/1.1 ${status} `), name)
    await client.ended()
    const through = backend.received.join('').slice(before)
    if (one.mayContinue) expect(through, name).toMatch(/^GET \/after HTTP\/1\.1\r\n/)
    else expect(through, name).toBe('')
    client.socket.destroy()
  }
  expect(refused.length).toBeGreaterThan(100)
}, 60_000)

test('a head that keeps the rules is sent on as its canonical bytes, once', async () => {
  const backend = kept(await recorder())
  const stage = await between([backend], { hosts: ['a.example', 'shop.test'] })
  for (const one of forwarded) {
    const before = backend.received.join('').length
    const name = `row ${one.row}: ${one.name}`
    const client = await rawClient(stage.port)
    const stated = one.forwards?.find((line) => /^content-length:/i.test(line))?.slice(15)
    const length = Number(stated ?? 0)
    if (length > 1_000_000) continue
    const body =
      one.body === at.BODY_CHUNKED ? '0\r\n\r\n' : length > 0 ? `${'x'.repeat(length - 1)}!` : ''
    client.send(Buffer.from(`${one.head}${body}`, 'latin1'))
    await eventually(() => client.text() !== '', name)
    const through = backend.received.join('').slice(before)
    expect(through.match(/ HTTP\/1\.1\r\n/g)?.length, name).toBe(1)
    const head = through.slice(0, through.indexOf('\r\n\r\n')).split('\r\n')
    for (const line of one.forwards ?? []) if (line !== '') expect(head, name).toContain(line)
    client.socket.destroy()
  }
  expect(forwarded.length).toBeGreaterThan(20)
}, 60_000)

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n'
const attacks: readonly (readonly [string, string])[] = [
  ['both lengths', `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  [
    'both, chunks first',
    `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${smuggled}`,
  ],
  ['two lengths', `Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`],
  ['a list of lengths', `Content-Length: 0, 44\r\n\r\n${smuggled}`],
  ['a signed length', `Content-Length: +0\r\n\r\n${smuggled}`],
  ['an obscured coding', `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a folded coding', `Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a coding with a tab', `Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['chunks ended by LF', `Transfer-Encoding: chunked\r\n\r\n0\n\n${smuggled}`],
  ['a chunk size with 0x', `Transfer-Encoding: chunked\r\n\r\n0x1\r\nA\r\n0\r\n\r\n${smuggled}`],
  [
    'a chunk size beyond 2^53',
    `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${smuggled}`,
  ],
  ['a chunk longer than said', `Transfer-Encoding: chunked\r\n\r\n1\r\nAB\r\n0\r\n\r\n${smuggled}`],
  ['LF in an extension', `Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nA\r\n0\r\n\r\n${smuggled}`],
  ['a hidden length', `Content_Length: 0\r\nContent-Length: 44\r\nX: y\r\n\r\n`],
]

test('what looks like a request inside a broken one is not one to any parser behind us', async () => {
  const seen: string[] = []
  const server = http.createServer((request, response) => {
    seen.push(request.url ?? '')
    request.resume()
    request.on('end', () => response.end('seen'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  kept({
    stop() {
      server.close()
      server.closeAllConnections()
    },
  })
  const stage = await between([{ port: portOf(server) }])
  for (const [name, rest] of attacks) {
    const client = await rawClient(stage.port)
    client.send(`POST /outer HTTP/1.1\r\nHost: shop.test\r\n${rest}`)
    if (name !== 'a hidden length') {
      await eventually(() => / (400|501) /.test(client.text()), name)
      await client.ended()
    }
    client.socket.destroy()
  }
  const probe = await rawClient(stage.port)
  probe.send(get('/probe'))
  await probe.until('seen')
  expect(seen).not.toContain('/smuggled')
  expect(seen.at(-1)).toBe('/probe')
})

test('a pipelined request is parsed afresh, not sent on as it is', async () => {
  const backend = kept(await recorder())
  const stage = await between([backend])
  const client = await rawClient(stage.port)
  client.send(`${get('/one')}GET /two HTTP/1.1\r\nHost: shop.test\r\nBad Name: x\r\n\r\n`)
  await client.until(' 400 ')
  expect(client.text()).toContain('recorded')
  expect(backend.received.join('')).not.toContain('/two')
})
