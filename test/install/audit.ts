/** What an account has done, as a real API server's audit log tells it: `list apps/deployments`. */
import { readFileSync } from 'node:fs'

interface AuditEvent {
  readonly user: { readonly username: string }
  readonly verb: string
  readonly stage: string
  readonly requestURI: string
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource: string
    readonly subresource?: string
  }
  readonly responseStatus?: { readonly code: number }
}

const eventsOf = (file: string, account: string): readonly AuditEvent[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user, objectRef }) => user.username === account && objectRef)

/** Sorted, each once; what was refused is not among them. */
export const usedIn = (file: string, account: string): readonly string[] =>
  sorted(
    eventsOf(file, account)
      .filter(({ responseStatus }) => responseStatus?.code !== 403)
      .map(wordsOf),
  )

export const refusedIn = (file: string, account: string): readonly string[] =>
  sorted(
    eventsOf(file, account)
      .filter(({ responseStatus }) => responseStatus?.code === 403)
      .map((event) => `${wordsOf(event)} ${event.requestURI}`),
  )

function wordsOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource, subresource } = objectRef!
  return `${verb} ${apiGroup}/${resource}${subresource ? `/${subresource}` : ''}`
}

export const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort()
