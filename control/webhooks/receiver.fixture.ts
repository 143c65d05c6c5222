/** For tests: a real HTTP receiver of webhooks that can be told how to answer. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The body as JSON. */
  readonly message: Readonly<Record<string, never>> & { readonly [name: string]: unknown }
}

export interface Receiver {
  readonly url: string
  readonly got: Received[]
  /** A status, or `hang`: never an answer; or `flood`: 200 with a body without an end. */
  answer: number | 'hang' | 'flood'
  location: string | null
  /** Nobody listens any more; connections are cut. */
  die(): Promise<void>
  comeBack(): Promise<void>
}

export async function openReceiver(): Promise<Receiver> {
  let server: Server
  let port = 0
  const receiver: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/in?key=secret-path`
    },
    got: [],
    answer: 200,
    location: null,
    die: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    comeBack: listen,
  }
  function listen(): Promise<void> {
    server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (part) => {
        body += part
      })
      request.on('error', () => {})
      request.on('end', () => {
        const headers = request.headers as Record<string, string>
        receiver.got.push({ path: request.url ?? '', headers, body, message: JSON.parse(body) })
        if (receiver.answer === 'hang') return
        if (receiver.location) response.setHeader('location', receiver.location)
        if (receiver.answer !== 'flood')
          return void response.writeHead(receiver.answer).end('{"ok"')
        response.writeHead(200)
        const flood = setInterval(() => response.write('x'.repeat(65_536)), 1)
        response.on('close', () => clearInterval(flood))
      })
    })
    return new Promise((resolve) => {
      server.listen(port, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  }
  await listen()
  return receiver
}
