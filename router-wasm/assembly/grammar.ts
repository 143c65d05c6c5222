/** The grammar without positions and endpoints: entry for its tests and for `bench/head.ts`. */
export { chunk, frame, frameEnd } from './chunk'
export { match } from './match'
export { response, scanResponse } from './response'
export { scanRequest } from './scan'
export { writeRequestHead } from './write-head'
