/**
 * The story, with real processes under an open-loop load that counts every failed, misrouted and
 * truncated request. Chapters run in order on one fleet; every transport tells the same story.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { openStage, type Stage } from '../stage.ts'
import { backupChapter } from './backup.cases.ts'
import { blueGreenChapter } from './blue-green.cases.ts'
import { killedChapter } from './killed.cases.ts'
import { natsChapter } from './nats.cases.ts'
import { twoHundredChapter } from './two-hundred.cases.ts'

export function tellStory(transport: 'http' | 'nats'): void {
  describe(`the story over ${transport}`, { timeout: 60_000 }, () => {
    let stage: Stage
    beforeAll(async () => {
      stage = await openStage({ nats: transport === 'nats' })
    }, 300_000)
    afterAll(() => stage?.close())

    blueGreenChapter(() => stage)
    killedChapter(() => stage)
    if (transport === 'nats') natsChapter(() => stage)
    twoHundredChapter(() => stage)
    backupChapter(() => stage)
  })
}
