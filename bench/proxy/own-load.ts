/**
 * A closed-loop load generator for machines without `wrk`: each connection sends the next request when
 * the former answer is whole. Prints one JSON object. Arguments: port, connections, seconds.
 */
import { connect } from 'node:net'

const [port, connections, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const request = Buffer.from(
  'GET /products/42 HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n',
)
const body = 'hello there\n'
let requests = 0
let errors = 0

function open(): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  socket.on('connect', () => socket.write(request))
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    if (!text.endsWith(body)) return
    if (text.startsWith('HTTP/1.1 200 ')) requests++
    else errors++
    text = ''
    socket.write(request)
  })
  socket.on('error', () => errors++)
}

for (let n = 0; n < connections; n++) open()
setTimeout(() => {
  console.log(JSON.stringify({ requests, errors, seconds }))
  process.exit(0)
}, seconds * 1_000)
