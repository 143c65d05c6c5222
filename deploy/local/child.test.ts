/** A named process can be started, killed, started again, and never leaves its children behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createChild, untilReady } from './child.ts'
import { descendants, runningProcesses } from './processes.ts'
import { until } from './until.ts'

const folder = mkdtempSync(join(tmpdir(), 'swy-child-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function programOf(name: string, text: string, onDeath?: (how: string) => void) {
  const script = join(folder, `${name}.mjs`)
  writeFileSync(script, text)
  const logFile = join(folder, `${name}.log`)
  return createChild({
    name,
    program: () => ({ script, args: [] }),
    logFile,
    ...(onDeath ? { onDeath } : {}),
  })
}

const parentOfOne = `
  import { spawn } from 'node:child_process'
  spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
  setInterval(() => {}, 1000)
`

test('stop ends a process that ignores SIGTERM, and everything it had started', async () => {
  const child = programOf('stubborn', `process.on('SIGTERM', () => {});${parentOfOne}`)
  child.start()
  const pid = child.pid!
  await until(
    'it has a child',
    () => descendants(pid),
    (list) => list.length === 1,
  )
  const below = descendants(pid).map((one) => one.pid)
  await child.stop(200)
  expect(child.pid).toBeNull()
  const running = new Set(runningProcesses().map((one) => one.pid))
  expect(below.filter((one) => running.has(one))).toEqual([])
})

test('a death that nobody asked for is told; one that was asked for is not', async () => {
  const deaths: string[] = []
  const child = programOf('mortal', 'setTimeout(() => process.exit(7), 50)', (how) => {
    deaths.push(how)
  })
  child.start()
  expect(await child.exitCode()).toBe(7)
  child.start()
  await child.kill('SIGKILL')
  expect(deaths).toEqual(['exit code 7'])
})

test('a process that ends at start is told with the end of its log', async () => {
  const child = programOf('broken', 'throw new Error("no such folder")')
  child.start()
  await expect(untilReady(child, 'ready', async () => false, 5_000)).rejects.toThrow(
    /broken ended at start[\s\S]*no such folder/,
  )
})

test('a process that never becomes ready is given up after its bound', async () => {
  const child = programOf('idle', 'setInterval(() => {}, 1000)')
  child.start()
  await expect(untilReady(child, 'ready', async () => false, 100)).rejects.toThrow(
    'idle: ready not within 100 ms',
  )
  await child.killGroup()
})
