/** For tests only: which step of `crash-points.ts` kills this process, from `SWITCHYARD_CRASH_AT`. */
import { crashSteps, type Step } from '../crash-points.ts'

/** Does nothing without a specification. Throws when it names no step. */
export function crashAt(specification: string | undefined): Step {
  if (!specification) return () => {}
  const [name, times = '1'] = specification.split(':')
  if (!crashSteps.some((step) => step === name) || !/^[1-9]\d*$/.test(times)) {
    throw new Error(`SWITCHYARD_CRASH_AT: "${specification}" is not <step>[:n]`)
  }
  let left = Number(times)
  return (step) => {
    if (step === name && --left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
