/**
 * What a command says when it cannot do what was asked: what, where, why and what to do. Everything that
 * is expected to go wrong ends here; anything else is a bug and says so.
 */
import { type Ending, endingOf } from './exit-codes.ts'

export interface FailureParts {
  readonly ending: Ending
  /** One sentence: what is wrong. */
  readonly what: string
  /** The call, the file, the flag. */
  readonly where?: string
  /** Reasons, or the fields at fault; one a line. */
  readonly why?: readonly string[]
  readonly fix?: string
}

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly parts: FailureParts
  /** The problem document, when control has refused. */
  readonly problem: Problem | null
  constructor(parts: FailureParts, problem: Problem | null = null) {
    super(parts.what)
    this.parts = parts
    this.problem = problem
  }
}

/** Not a failure: a command ends with a code of its own and has said everything. */
export class Ended extends Error {
  override readonly name = 'Ended'
  readonly ending: Ending
  constructor(ending: Ending) {
    super(ending)
    this.ending = ending
  }
}

export const usage = (what: string, fix?: string): Failure =>
  new Failure({ ending: 'usage', what, ...(fix && { fix }) })

/** RFC 9457, as far as it is read here. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly fix?: string
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[]
  readonly [evidence: string]: unknown
}

export function refusedBy(call: string, problem: Problem): Failure {
  const why = problem.errors?.map(({ pointer, message }) => `${pointer || 'body'}: ${message}`)
  // One field at fault is the detail; several are told one by one.
  const several = why && why.length > 1 && why.join('; ') === problem.detail
  const detail = several ? `${why.length} fields are not as they must be` : problem.detail
  const dry = problem.dryRun === true ? ' (a dry run: nothing was changed)' : ''
  return new Failure(
    {
      ending: endingOf(problem.status, problem.code),
      what: `${problem.code}: ${detail}${dry}`,
      where: `${call} → ${problem.status}`,
      ...(why && why.join() !== detail && { why }),
      ...(problem.fix && { fix: problem.fix }),
    },
    problem,
  )
}

/** Lines for stderr. */
export function failureLines({ what, where, why, fix }: FailureParts): string[] {
  return [
    `switchyard: ${what}`,
    ...(where ? [`  where: ${where}`] : []),
    ...(why ?? []).map((line) => `    why: ${line}`),
    ...(fix ? [`  to do: ${fix}`] : []),
  ]
}
