/** `fast-proxy` from npm on `node:http`, as its README shows it. Argument: the backend's port. */
import { createServer } from 'node:http'
import fastProxy from 'fast-proxy'

const { proxy } = fastProxy({ base: `http://127.0.0.1:${process.argv[2]}` })
const server = createServer((request, response) => {
  proxy(request, response, request.url ?? '/', {})
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
