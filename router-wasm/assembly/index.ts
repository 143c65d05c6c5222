/** The exports of the router, nothing else. */
export { chunk, frame, frameEnd } from './chunk'
export { match } from './match'
export { place } from './position'
export { request, requestFor } from './request'
export { response } from './response'
export { scanRequest } from './scan'
export { release, reselect, select } from './select'
export { verify } from './verify'
