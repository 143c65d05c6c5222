import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openGate } from './gate.ts'

test('whoever connects to the port that was opened reaches the one behind it', async () => {
  const server = createServer((request, response) => response.end(`you said ${request.url}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const gate = openGate()
  try {
    const port = await gate.open('127.0.0.1', (server.address() as AddressInfo).port)
    for (const path of ['/one', '/two']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`)
      expect(await answer.text()).toBe(`you said ${path}`)
    }
  } finally {
    gate.close()
    server.closeAllConnections()
    server.close()
  }
})
