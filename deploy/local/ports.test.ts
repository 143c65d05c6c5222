/** Ports that a fleet gets are its own, are told by name when they are taken, and can be foreseen. */
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { agentsPerClusterMax, freePorts, occupied, portsFromBase } from './ports.ts'

test('a base gives the same ports every time, and no port twice', () => {
  const ports = portsFromBase(7_700, ['eu-1', 'us-1'], agentsPerClusterMax)
  const all = [
    ports.control,
    ports.nats,
    ...Object.values(ports.platforms),
    ...Object.values(ports.agents).flatMap(({ listen, probe, admin }) => [listen, probe, admin]),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(ports.control).toBe(7_700)
  expect(ports.agents['eu-1-a']).toEqual({ listen: 7_801, probe: 7_821, admin: 7_841 })
  expect(ports.agents['us-1-b']!.listen).toBe(7_902)
})

test('a taken port is told with its purpose', async () => {
  const ports = await freePorts(['eu-1'], 1)
  expect(await occupied(ports)).toEqual([])
  const server = createServer()
  const { probe } = ports.agents['eu-1-a']!
  await new Promise<void>((resolve) => server.listen(probe, '127.0.0.1', resolve))
  expect(await occupied(ports)).toEqual([{ port: probe, purpose: 'probes of eu-1-a' }])
  await new Promise((resolve) => server.close(resolve))
})
