/** Chapters of the story with control on the real workerd: the same cases as under Node. */
import { afterAll, beforeAll, describe } from 'vitest'
import { openStage, type Stage } from '../stage.ts'
import { blueGreenChapter } from '../story/blue-green.cases.ts'
import { natsChapter } from '../story/nats.cases.ts'

describe.each([false, true])(
  'the story with control on workerd, over NATS: %s',
  {
    timeout: 60_000,
  },
  (nats) => {
    let stage: Stage
    beforeAll(async () => {
      stage = await openStage({ runtime: 'workers', nats })
    }, 600_000)
    afterAll(() => stage?.close())

    blueGreenChapter(() => stage)
    if (nats) natsChapter(() => stage)
  },
)
