/** How often the story repeats what wants repetition: a short form for every change, a long one on demand. */

/** A variable of the environment; `npm run test:kubernetes -- --long` sets it. */
export const longForm = 'SWITCHYARD_TEST_LONG'

export const isLong = (): boolean => process.env[longForm] === '1'
