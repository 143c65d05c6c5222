/** The rows of the switch on the pure machine with model agents. */
import { createPureWorld } from './pure-world.ts'
import { switchCases } from './switch.cases.ts'

switchCases('on the pure machine', async () => createPureWorld())
