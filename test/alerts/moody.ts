/** An application with moods, by its version: 8.x never becomes ready, 9.x answers every request with 500. */
import { createServer } from 'node:http'

const { HOST = '127.0.0.1', PORT = '0', VERSION = '1' } = process.env

const server = createServer((request, response) => {
  const isProbe = request.url === '/readyz'
  const status = isProbe
    ? VERSION.startsWith('8')
      ? 503
      : 200
    : VERSION.startsWith('9')
      ? 500
      : 200
  response.writeHead(status, { 'x-version': VERSION }).end('{}')
})
server.listen(Number(PORT), HOST)
process.once('SIGTERM', () => process.exit(0))
process.stdin.once('end', () => process.exit(0)).resume()
