/**
 * Every release that the router has heard of has a number, given once and the same in every table, so that
 * an exchange may keep it across a flip. A number is given anew only when all are taken, and then the one
 * of the release that has been out of use for longest: 65,536 releases later.
 */
import { BACKEND_COUNT_MAX } from './layout.ts'

export interface BackendNumbers {
  /** Gives a number when there is none. Throws when all are in use. */
  numberOf(release: string): number
  known(release: string): number | undefined
  /** Throws for a number that was never given (a bug). */
  releaseOf(backend: number): string
}

/** `inUse`: the served table names it, or it has endpoints. */
export function createBackendNumbers(inUse: (release: string) => boolean): BackendNumbers {
  const numbers = new Map<string, number>()
  const releases: string[] = []

  const freed = (): number => {
    for (const [release, backend] of numbers) {
      if (inUse(release)) continue
      numbers.delete(release)
      return backend
    }
    throw new RangeError(`more than ${BACKEND_COUNT_MAX} releases in use`)
  }

  return {
    numberOf(release) {
      const held = numbers.get(release)
      if (held !== undefined) return held
      const backend = releases.length < BACKEND_COUNT_MAX ? releases.length : freed()
      releases[backend] = release
      numbers.set(release, backend)
      return backend
    },
    known: (release) => numbers.get(release),
    releaseOf(backend) {
      const release = releases[backend]
      if (release === undefined) throw new RangeError(`no release has number ${backend}`)
      return release
    },
  }
}
