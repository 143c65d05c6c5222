/** What an account has done, as a real API server's audit log tells it: `list apps/deployments`. */
import { readFileSync } from 'node:fs'

interface AuditEvent {
  readonly user: {
    readonly username: string
    readonly extra?: Readonly<Record<string, readonly string[]>>
  }
  readonly verb: string
  readonly stage: string
  readonly requestURI: string
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
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

const podName = 'authentication.kubernetes.io/pod-name'
const podOf = ({ user }: AuditEvent): string => user.extra?.[podName]?.[0] ?? 'no pod'
const changes: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete'])

/**
 * Who had the Lease when something was written, and who wrote: `null` for a write of whoever did not have it. Only
 * who has the Lease, or takes it, writes it.
 */
export function writersIn(file: string, account: string) {
  const events = eventsOf(file, account).filter(
    ({ verb, stage }) => stage === 'ResponseComplete' && changes.has(verb),
  )
  const isLease = ({ objectRef }: AuditEvent) => objectRef?.resource === 'leases'
  const taken = events
    .filter((one) => isLease(one) && (one.responseStatus?.code ?? 500) < 300)
    .sort((a, b) => (a.stageTimestamp < b.stageTimestamp ? -1 : 1))
  const holderAt = (time: string) => {
    const last = taken.findLast(({ stageTimestamp }) => stageTimestamp <= time)
    return last && podOf(last)
  }
  const writes = events.filter((one) => !isLease(one))
  return {
    writes: sorted(writes.map(wordsOf)),
    holders: sorted(taken.map(podOf)),
    byOthers: writes
      .filter((one) => podOf(one) !== holderAt(one.requestReceivedTimestamp))
      .map((one) => `${podOf(one)}: ${wordsOf(one)} ${one.requestReceivedTimestamp}`),
  }
}

function wordsOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource, subresource } = objectRef!
  return `${verb} ${apiGroup}/${resource}${subresource ? `/${subresource}` : ''}`
}

export const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort()
