/**
 * Control is killed with -9 after each step that touches the log, a file or the transport, and at seeded
 * moments. Nothing that was answered 2xx is lost, nothing is done twice, and the log has no gap.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crashSteps } from '../../control/crash-points.ts'
import { type ControlProcess, runControl, startControlProcess } from './control-process.ts'
import { checkLog, digestsOf } from './log-check.ts'
import { createOracle, type Oracle, randomOf } from './oracle.ts'

const clusterFlags = ['--cluster', 'eu-1', '--cluster', 'us-1']
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const moments = Number(process.env.MOMENTS ?? 200)
const lanes = 2

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'switchyard-crash-'))
})
afterEach(() => rmSync(state, { recursive: true }))

const initialise = async (folder: string) => {
  const { code, output } = await runControl(['init', '--state', folder, ...clusterFlags])
  expect(code, output).toBe(0)
  return readFileSync(join(folder, 'admin.token'), 'utf8').trim()
}

/** Starts it, and stops it when it lives to the end of `work`. */
async function living<T>(
  folder: string,
  work: (control: ControlProcess) => Promise<T>,
): Promise<T> {
  const control = await startControlProcess(folder)
  try {
    expect(control.url, (await Promise.race([control.ended, null]))?.output).not.toBeNull()
    return await work(control)
  } finally {
    await control.kill('SIGKILL')
  }
}

async function expectWhole(folder: string, oracle: Oracle, newest: number): Promise<void> {
  const served = await living(folder, async ({ url }) => {
    expect(await oracle.check(url!, newest)).toEqual([])
    const shown = await Promise.all(
      ['eu-1', 'us-1'].map((cluster) => digestFrom(url!, folder, cluster)),
    )
    return Object.fromEntries(shown)
  })
  const { wrong, state } = await checkLog(join(folder, 'log.sqlite'), oracle.sent)
  expect(wrong).toEqual([])
  expect(JSON.parse(digestsOf(state))).toEqual(served)
}

async function digestFrom(url: string, folder: string, cluster: string): Promise<[string, string]> {
  const token = readFileSync(join(folder, 'admin.token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/v1/clusters/${cluster}/snapshot`, { headers })
  return [cluster, ((await response.json()) as { digest: string }).digest]
}

describe('control killed with -9', () => {
  const served = crashSteps.filter((step) => !step.startsWith('file-'))
  it.each(served)(
    'at the step "%s": nothing answered is lost',
    { timeout: 60_000 },
    async (step) => {
      const oracle = createOracle(seed, await initialise(state))
      for (const n of [1, 2, 5]) {
        const control = await startControlProcess(state, `${step}:${n}`)
        if (control.url) await oracle.press(control.url, 40)
        expect((await control.ended).signal, `${step}:${n}`).toBe('SIGKILL')
      }
      await expectWhole(state, oracle, 20)
    },
  )

  const files = crashSteps.filter((step) => step.startsWith('file-') || step.startsWith('append'))
  it.each(files)(
    'at the step "%s" of init: the next init finishes it',
    { timeout: 60_000 },
    async (step) => {
      for (const n of [1, 2, 3, 4]) {
        const folder = join(state, String(n))
        const init = ['init', '--state', folder, ...clusterFlags]
        const first = await runControl(init, `${step}:${n}`)
        const reached = first.signal === 'SIGKILL'
        if (!reached) expect(first.code).toBe(0)
        expect((await runControl(init)).code).toBe(0)
        await expectWhole(
          folder,
          createOracle(seed, readFileSync(join(folder, 'admin.token'), 'utf8').trim()),
          0,
        )
      }
    },
  )

  it(`at ${moments} seeded moments (seed ${seed}): nothing answered is lost`, {
    timeout: 240_000,
  }, async () => {
    const runLane = async (lane: number) => {
      const folder = join(state, `lane-${lane}`)
      const laneSeed = seed + lane
      const random = randomOf(laneSeed)
      const oracle = createOracle(laneSeed, await initialise(folder))
      for (let moment = 0; moment < moments / lanes; moment++) {
        const byStep = random(2) === 0
        const step = `${served[random(served.length)]!}:${1 + random(12)}`
        const control = await startControlProcess(folder, byStep ? step : null)
        if (control.url) {
          const wrong = await oracle.check(control.url, 3).catch(() => [])
          expect(wrong, `seed ${laneSeed}, moment ${moment}`).toEqual([])
          const pressing = oracle.press(control.url, byStep ? 40 : 1_000)
          if (!byStep) await delay(random(40))
          if (!byStep) void control.kill('SIGKILL')
          await pressing
        }
        expect((await control.ended).signal, `seed ${laneSeed}, moment ${moment}`).toBe('SIGKILL')
      }
      await expectWhole(folder, oracle, 1_000)
      return oracle.sent.length
    }
    const counts = await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)))
    console.log(`seed ${seed}: ${moments} kills, ${counts.join(' + ')} requests`)
  })
})
