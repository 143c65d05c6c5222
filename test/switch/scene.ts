/** What the rows do again and again, in the world of the row that runs. */
import { expect } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { agents, type SwitchWorld, viewOf } from './world.ts'

export interface Scene {
  /** Of this row; there is none between rows. */
  readonly world: SwitchWorld
  inPhase(id: string, phase: ReleaseView['phase']): Promise<ReleaseView>
  stateOf(view: ReleaseView, agent: string): string | undefined
  /** Public requests reach this release at these agents; all four when left out. */
  everywhere(release: string | null, among?: readonly string[]): Promise<void>
  /** Blue is live everywhere, green is ready beside it. */
  blueAndGreen(intent?: Parameters<SwitchWorld['create']>[0]): Promise<BlueAndGreen>
  /** Green's commit is decided, `lost` has not heard of it; `helper` held prepare up until then. */
  incompleteCommit(lost: string, helper: string): Promise<BlueAndGreen>
}

export interface BlueAndGreen {
  readonly blue: string
  readonly green: string
}

export function createScene(worldOf: () => SwitchWorld): Scene {
  const scene: Scene = {
    get world() {
      return worldOf()
    },
    inPhase: (id, phase) => scene.world.until(id, (view) => view.phase === phase),
    stateOf: (view, agent) => view.agents.find((one) => one.agent === agent)?.state,
    async everywhere(release, among = agents) {
      for (const agent of among) {
        expect([agent, await scene.world.publicAt(agent)]).toEqual([agent, release])
      }
    },
    async blueAndGreen(intent = { version: '2' }) {
      const blue = viewOf(await scene.world.create({ version: '1' })).id
      await scene.inPhase(blue, 'live')
      const green = viewOf(await scene.world.create(intent)).id
      await scene.inPhase(green, 'ready')
      return { blue, green }
    },
    async incompleteCommit(lost, helper) {
      const { world } = scene
      const releases = await scene.blueAndGreen()
      await world.silence(helper)
      viewOf(await world.step('promote', releases.green))
      await world.until(releases.green, (view) => scene.stateOf(view, lost) === 'prepared')
      await world.silence(lost)
      await world.wake(helper)
      await world.until(releases.green, (view) => scene.stateOf(view, helper) === 'active')
      return releases
    },
  }
  return scene
}
