/** Who measures comes first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { defaultPlan } from './load/plan.ts'
import { loadCommand, startLoad } from './load.ts'

const isRoot = process.getuid?.() === 0

test('a generator has a session of its own, before all others', async ({ skip }) => {
  skip(!isRoot, 'only root may go ahead of others')
  let child: ChildProcess | null = null
  const targets = [{ name: 'nobody', host: '127.0.0.1', port: 9 }]
  const load = await startLoad(
    { ...defaultPlan, targets, authority: 'x', ratePerSecond: 1 },
    (options) => {
      child = spawn(process.execPath, loadCommand, options)
      return child
    },
  )
  const { pid } = child! as ChildProcess
  expect(getPriority(pid)).toBe(-20)
  const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[3]
  expect(session).toBe(String(pid))
  load.kill()
})
