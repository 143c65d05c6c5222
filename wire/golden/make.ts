/** Prints golden messages: `npx node wire/golden/make.ts > wire/golden/messages-<n>.json`. */
import { generateKey } from '../signature.ts'
import { goldenMessages } from './messages.ts'

const { key } = await generateKey()
console.log(JSON.stringify(await goldenMessages(key), null, 2))
