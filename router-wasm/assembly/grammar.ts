/** The grammar without a table: entry for its tests and for `bench/head.ts`. */
export { chunk, frame, frameEnd } from './chunk'
export { response, scanResponse } from './response'
export { scanRequest } from './scan'
export { writeRequestHead } from './write-head'
