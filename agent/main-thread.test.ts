import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mainThreadOf } from './main-thread.ts'

const isLinux = process.platform === 'linux'

test.runIf(isLinux)(
  'a process that spins uses its CPU, one that sleeps waits for none',
  async () => {
    const spins = spawn(process.execPath, ['-e', 'for (;;);'])
    const sleeps = spawn('sleep', ['60'])
    try {
      await delay(1_000)
      const before = mainThreadOf(spins.pid!)!
      await delay(1_000)
      const after = mainThreadOf(spins.pid!)!
      expect(after.runnable).toBe(true)
      expect(after.cpuMs).toBeGreaterThan(before.cpuMs)
      expect(mainThreadOf(sleeps.pid!)).toEqual({ runnable: false, cpuMs: 0 })
    } finally {
      for (const one of [spins, sleeps]) {
        const gone = once(one, 'exit')
        one.kill('SIGKILL')
        await gone
      }
    }
    expect(mainThreadOf(spins.pid!)).toBe(null)
  },
)
