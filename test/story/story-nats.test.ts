/** The story over a real NATS server. */
import { tellStory } from './story.cases.ts'

tellStory('nats')
