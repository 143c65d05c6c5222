/** The story over the embedded transport. */
import { tellStory } from './story.cases.ts'

tellStory('http')
