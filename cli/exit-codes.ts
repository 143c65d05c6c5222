/**
 * How `switchyard` ends: one table, which `--help`, the docs and the code share. Scripts and CI jobs
 * branch on these numbers, so that a number never changes its meaning.
 */
export const exitCodes = {
  done: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'failed: a file, a bug, an answer that makes no sense' },
  usage: { code: 2, meaning: 'the command line, a file or a value in it is wrong' },
  forbidden: { code: 3, meaning: 'no token, an unknown one, or one that may not do this' },
  notFound: { code: 4, meaning: 'there is no such app, release, cluster, agent …' },
  refused: { code: 5, meaning: 'a rule refuses it, or the state has changed (409, 412, 422)' },
  wentBack: { code: 6, meaning: 'the release was aborted or rolled back' },
  timedOut: { code: 7, meaning: 'not in time; what was asked goes on' },
  unreachable: { code: 8, meaning: 'control does not answer, or takes no calls now' },
  waits: { code: 9, meaning: 'the release waits for a decision: promote, approve, resume' },
  differs: { code: 10, meaning: '`diff --exit-code`: there are differences' },
  interrupted: { code: 130, meaning: 'Ctrl-C; a release that was watched goes on' },
} as const satisfies Record<string, { readonly code: number; readonly meaning: string }>

export type Ending = keyof typeof exitCodes

/** How a command ends that was answered with this HTTP status. */
export function endingOf(status: number, code?: string): Ending {
  if (code === 'switch-aborted') return 'wentBack'
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 415:
      return 'usage'
    case 401:
    case 403:
      return 'forbidden'
    case 404:
      return 'notFound'
    case 409:
    case 412:
    case 422:
      return 'refused'
    case 429:
    case 503:
      return 'unreachable'
    case 504:
      return 'timedOut'
    default:
      return 'failed'
  }
}

export const exitCodeLines = (): string[] =>
  Object.values(exitCodes).map(({ code, meaning }) => `${String(code).padStart(5)}  ${meaning}`)
