export { chunk, frame, frameEnd } from './chunk'
export { hashNames } from './fields'
export { response } from './response'
export { scanRequest } from './scan'
export { writeRequestHead } from './write-head'
export const heapBase: i32 = <i32>__heap_base
