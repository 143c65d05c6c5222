/** The blue-green story with control on the real workerd: the same cases as under Node. */
import { afterAll, beforeAll, describe } from 'vitest'
import { openStage, type Stage } from '../stage.ts'
import { blueGreenChapter } from '../story/blue-green.cases.ts'

describe('the story with control on workerd', { timeout: 60_000 }, () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage({ runtime: 'workers' })
  }, 120_000)
  afterAll(() => stage?.close())

  blueGreenChapter(() => stage)
})
