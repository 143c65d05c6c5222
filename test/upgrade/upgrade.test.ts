/**
 * A fleet of the former version becomes one of this version, part by part and under load, in both orders.
 * Nothing fails, every stage can promote and roll back, and no published byte changes its meaning before
 * every agent reads it.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { openUpgrade, type Published, type Upgrade } from './scene.ts'

const timeout = 180_000

let upgrade: Upgrade | null = null
afterEach(async () => {
  await upgrade?.close()
  upgrade = null
}, 60_000)

const formats = (published: Readonly<Record<string, Published>>) =>
  Object.values(published).map(({ format }) => format)

/** The last part is of this version: the next format is published, and what needs it works. */
async function expectRaised(one: Upgrade): Promise<void> {
  await until(
    'the format is raised',
    () => one.published(),
    (all) => formats(all).every((it) => it === 2),
  )
  expect(await one.tryCanary('canary')).toBeNull()
  await one.promoteAndBack()
}

describe('an upgrade', () => {
  test.each([
    ['HTTP', false],
    ['NATS', true],
  ])('of control first, then of the agents one by one, over %s', { timeout }, async (_, nats) => {
    upgrade = await openUpgrade(nats)
    const before = await upgrade.published()
    expect(formats(before)).toEqual([1, 1])
    await upgrade.control()
    expect(await upgrade.published()).toEqual(before)
    await upgrade.promoteAndBack()
    for (const agent of upgrade.agents) {
      expect(formats(await upgrade.published()), `before ${agent}`).toEqual([1, 1])
      expect(await upgrade.tryCanary('too-early'), `before ${agent}`).toBe('format-not-supported')
      await upgrade.agent(agent)
      await upgrade.promoteAndBack()
    }
    await expectRaised(upgrade)
  })

  test('of the agents one by one, then of control', { timeout }, async () => {
    upgrade = await openUpgrade()
    for (const agent of upgrade.agents) {
      const before = await upgrade.published()
      await upgrade.agent(agent)
      expect(await upgrade.published(), `after ${agent}`).toEqual(before)
      await upgrade.promoteAndBack()
    }
    await upgrade.control()
    await upgrade.promoteAndBack()
    await expectRaised(upgrade)
  })
})
