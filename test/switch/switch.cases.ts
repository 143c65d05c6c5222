/**
 * The switch, case by case: every row of the design's table is one named case or a few, told in words that
 * any world can act out.
 */
import { afterEach, beforeEach, describe } from 'vitest'
import { barrierCases } from './barrier.cases.ts'
import { motionCases } from './motion.cases.ts'
import { releaseCases } from './release.cases.ts'
import { createScene } from './scene.ts'
import type { SwitchWorld } from './world.ts'

export function switchCases(name: string, make: () => Promise<SwitchWorld>): void {
  describe(`the switch, ${name}`, () => {
    let world: SwitchWorld
    beforeEach(async () => {
      world = await make()
    })
    afterEach(() => world.end())
    const scene = createScene(() => world)

    releaseCases(scene)
    barrierCases(scene)
    motionCases(scene)
  })
}
