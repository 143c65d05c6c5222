/**
 * Control is killed with -9 after each step that touches the log, a file or the transport, and at seeded
 * moments. Nothing that was answered 2xx is lost, nothing is done twice, and the log has no gap.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { crashSteps } from '../../control/crash-points.ts'
import { hashToken } from '../../control/trust/tokens.ts'
import { killAll, runControl, startControlProcess } from './control-process.ts'
import { checkLog } from './log-check.ts'
import { createOracle, type Oracle, randomOf } from './oracle.ts'

const clusters = ['eu-1', 'us-1']
const initOf = (state: string) => [
  ...['init', '--state', state],
  ...clusters.flatMap((cluster) => ['--cluster', cluster]),
]
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const moments = Number(process.env.MOMENTS ?? 200)
const lanes = 2
const timeout = 600_000

async function inFolder(work: (state: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-crash-'))
  try {
    await work(join(folder, 'state'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

afterAll(killAll)

const tokenOf = (state: string, name = 'admin') =>
  readFileSync(join(state, `${name}.token`), 'utf8').trim()

async function initialised(state: string, laneSeed: number): Promise<Oracle> {
  const { code, output } = await runControl(initOf(state))
  expect(code, output).toBe(0)
  return createOracle(laneSeed, tokenOf(state))
}

/** After all crashes: every answer is still given, and the log is whole and says what is served. */
async function expectWhole(state: string, oracle: Oracle): Promise<void> {
  const control = await startControlProcess(state)
  try {
    expect(await oracle.check(control.url!, Number.POSITIVE_INFINITY)).toEqual([])
    const log = await checkLog(join(state, 'log.sqlite'), oracle.sent)
    expect(log.wrong).toEqual([])
    for (const cluster of clusters) {
      const headers = { authorization: `Bearer ${tokenOf(state)}` }
      const shown = await fetch(`${control.url}/v1/clusters/${cluster}/snapshot`, { headers })
      const digest = log.state.clusters.get(cluster)!.tree.root
      expect(shown.headers.get('etag'), `what ${cluster} is to serve`).toBe(`"${digest}"`)
    }
  } finally {
    await control.kill('SIGKILL')
  }
}

describe.concurrent('control killed with -9', () => {
  const elsewhere = ['cursor', 'alarmed']
  const served = crashSteps.filter((step) => !elsewhere.includes(step) && !step.startsWith('file-'))

  it.each(served)('at the step "%s": nothing answered is lost', { timeout }, (step) =>
    inFolder(async (state) => {
      const oracle = await initialised(state, seed)
      for (const n of [1, 2, 5]) {
        const control = await startControlProcess(state, `${step}:${n}`)
        if (control.url) await oracle.press(control.url, 60)
        expect((await control.ended).signal, `${step}:${n}, seed ${seed}`).toBe('SIGKILL')
      }
      await expectWhole(state, oracle)
    }),
  )

  const ofInit = crashSteps.filter((step) => /^(file-|append)/.test(step))
  it.each(ofInit)('at the step "%s" of init: the next init finishes it', { timeout }, (step) =>
    inFolder(async (root) => {
      for (const n of step.startsWith('file-') ? [1, 2, 3, 4] : [1]) {
        const state = join(root, String(n))
        expect((await runControl(initOf(state), `${step}:${n}`)).signal).toBe('SIGKILL')
        const again = await runControl(initOf(state))
        expect(again.code, again.output).toBe(0)
        const log = await checkLog(join(state, 'log.sqlite'), [])
        expect([log.wrong, log.state.position]).toEqual([[], 1])
        const admin = [...log.state.tokens.values()].map(({ tokenHash }) => tokenHash)
        expect(admin).toEqual([hashToken(tokenOf(state))])
        for (const cluster of clusters) {
          expect(log.state.clusters.get(cluster)?.enrolmentTokenHash).toBe(
            hashToken(tokenOf(state, `enrol-${cluster}`)),
          )
        }
      }
    }),
  )

  /** One life: half of them end at a step, half at a moment of the clock. */
  async function oneLife(state: string, oracle: Oracle, random: (below: number) => number) {
    const byStep = random(2) === 0
    const step = `${served[random(served.length)]!}:${1 + random(12)}`
    const control = await startControlProcess(state, byStep ? step : null)
    if (control.url) {
      // A step may come before the check ends: then the next life's check sees to it.
      const wrong = await oracle.check(control.url, 3).catch(() => [])
      const pressing = oracle.press(control.url, byStep ? 40 : 10_000)
      // A life whose step does not come within its requests ends like the others.
      await (byStep ? pressing : delay(random(40)))
      await control.kill('SIGKILL')
      await pressing
      expect(wrong).toEqual([])
    }
    expect((await control.ended).signal).toBe('SIGKILL')
  }

  it(`at ${moments} seeded moments: nothing answered is lost`, { timeout }, async () => {
    const runLane = (laneSeed: number) =>
      inFolder(async (state) => {
        const random = randomOf(laneSeed)
        const oracle = await initialised(state, laneSeed)
        for (let moment = 0; moment < moments / lanes; moment++) {
          await oneLife(state, oracle, random).catch((cause) => {
            throw new Error(`SEED=${laneSeed}, moment ${moment}: ${cause.message}`, { cause })
          })
        }
        await expectWhole(state, oracle)
      })
    await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(seed + lane)))
  })
})
