/** Prints a golden log: `npx node control/domain/golden/make.ts > control/domain/golden/log-<n>.json`. */
import { recordText } from '../record.ts'
import { liveEverything } from './life.ts'

const { records, state } = liveEverything()
const digests = [...state.clusters.values()].map(({ name, tree }) => [name, tree.root])
console.log(
  JSON.stringify(
    { digests: Object.fromEntries(digests), records: records.map(recordText) },
    null,
    1,
  ),
)
