/**
 * For tests only: `SWITCHYARD_CRASH_AT=<step>[:n]` stops the object at the n-th time that this life of it comes
 * to a step of `crash-points.ts`. It says so and goes no further, so that who reads its log can kill workerd
 * with -9 there; with `SWITCHYARD_CRASH_HOW=evict` it leaves memory by itself, and the next event makes it
 * anew.
 */
import { crashAt, type Step } from '../crash-points.ts'

export interface CrashVariables {
  readonly SWITCHYARD_CRASH_AT?: string
  readonly SWITCHYARD_CRASH_HOW?: string
}

export const objectCrashAt = (
  { SWITCHYARD_CRASH_AT, SWITCHYARD_CRASH_HOW }: CrashVariables,
  evict: (why: string) => void,
): Step =>
  crashAt(SWITCHYARD_CRASH_AT, async (step) => {
    console.log(`stopped at ${step}`)
    if (SWITCHYARD_CRASH_HOW === 'evict') evict(`evicted at ${step}`)
    await new Promise(() => {})
  })
