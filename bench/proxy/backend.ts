/**
 * Backend of the proxy benchmark: as little work a request as a Node can do, so that the proxy in front
 * is what is measured. Answers every request head with the same bytes. Prints its port.
 */
import { createServer } from 'node:net'

const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello there\n',
)
const end = Buffer.from('\r\n\r\n')

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    // Heads are small and the proxies do not pipeline: a head comes in one piece, its end last.
    if (chunk.subarray(chunk.length - 4).equals(end)) socket.write(answer)
  })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
