/**
 * Every rejection (of an intent, by control) and every refusal (of a message, by an agent or control):
 * a stable code, its HTTP status where it has one, and one sentence that says what happened.
 * `docs/errors.md` is generated from here.
 */
import { z } from 'zod'

interface Code {
  readonly status: number
  readonly sentence: string
}

export const rejections = {
  'invalid-request': { status: 400, sentence: 'A field of the request is missing or not allowed; `errors` names each one.' },
  'unauthenticated': { status: 401, sentence: 'The bearer token is missing, unknown or revoked.' },
  'forbidden': { status: 403, sentence: 'The token does not have the scope that this call needs.' },
  'foreign-origin': { status: 403, sentence: 'The Host or Origin header is not one that this API answers to.' },
  'rate-limited': { status: 429, sentence: 'Too many calls for now; `Retry-After` says when to go on.' },
  'not-found': { status: 404, sentence: 'Nothing has this address.' },
  'unknown-app': { status: 404, sentence: 'No app has this name.' },
  'unknown-release': { status: 404, sentence: 'No release has this id.' },
  'unknown-cluster': { status: 404, sentence: 'No cluster has this name.' },
  'unknown-agent': { status: 404, sentence: 'No enrolled agent of this cluster has this name.' },
  'method-not-allowed': { status: 405, sentence: 'This address does not take this method.' },
  'body-too-large': { status: 413, sentence: 'The request body is larger than the limit.' },
  'unsupported-media-type': { status: 415, sentence: 'The body is not declared as `application/json`.' },
  'state-changed': { status: 412, sentence: '`If-Match` names an older state; read it again and decide again.' },
  'idempotency-key-reused': { status: 422, sentence: 'The `Idempotency-Key` was used before with another body.' },
  'release-in-progress': { status: 409, sentence: 'Another release of the app has not reached live yet.' },
  'phase-conflict': { status: 409, sentence: 'The release is not in a phase that allows this.' },
  'not-ready': { status: 409, sentence: 'The release is not ready to be promoted; `waiting` says why.' },
  'release-paused': { status: 409, sentence: 'The release is paused; resume it first.' },
  'approval-required': { status: 409, sentence: 'The app asks for approvals that nobody, or not enough people, have given yet.' },
  'self-approval': { status: 409, sentence: 'The author of a release cannot approve it.' },
  'frozen': { status: 409, sentence: 'A freeze window holds: no release takes more public traffic until it ends.' },
  'format-not-supported': { status: 409, sentence: 'Some agents do not read the content format that this needs; upgrade them first.' },
  'preview-not-linked': { status: 409, sentence: 'The release takes no preview links, or is not a candidate any more.' },
  'key-not-pinned': { status: 409, sentence: 'Some enrolled agents have not pinned the keys that this needs, or have not confirmed it; `agents` names them.' },
  'last-key': { status: 409, sentence: 'The key signs, or is the last spare; it cannot be retired.' },
  'no-rollback-target': { status: 409, sentence: 'There is no former release to go back to, or it is decommissioned.' },
  'in-use': { status: 409, sentence: 'Exchanges or tunnels are still open on the release; the ledger counts them.' },
  'not-acknowledged': { status: 409, sentence: 'Some enrolled agent has not acknowledged that traffic has moved.' },
  'is-live': { status: 409, sentence: 'The release takes public traffic and cannot be decommissioned.' },
  'switch-aborted': { status: 409, sentence: 'The change was accepted, but its switch was aborted before it was active.' },
  'app-in-release': { status: 409, sentence: 'Clusters, platform and copies cannot change, and the app cannot be deleted, during a release or while it leaves a cluster.' },
  'app-has-releases': { status: 409, sentence: 'The app keeps releases beside its live one; they would be lost with it.' },
  'route-conflict': { status: 409, sentence: 'Another route has the same hosts and the same match.' },
  'too-many-matches': { status: 422, sentence: 'More than 64 matches would share one host and path.' },
  'does-not-compile': { status: 422, sentence: 'The change would not compile to a table; the reason names the object.' },
  'limit-reached': { status: 422, sentence: 'The fleet already has as many of these as it may.' },
  'wait-timeout': { status: 504, sentence: 'The change was accepted, but `?wait=active` ran out of time.' },
  'log-behind-fleet': { status: 503, sentence: 'Agents are ahead of this log (a restored backup?); run `control recover`.' },
  'control-starting': { status: 503, sentence: 'Control still reads its log; it answers when it has.' },
  'log-missing': { status: 503, sentence: 'This Durable Object holds no log yet; put one in (docs/edge.md).' },
  'log-present': { status: 409, sentence: 'This Durable Object holds a log already; nothing is put over it.' },
  'transfer-broken': { status: 422, sentence: 'What was sent is no whole transfer of a log; nothing of it counts.' },
  'storage-full': { status: 507, sentence: 'The Durable Object holds nearly all that it may; pack its old records (docs/edge.md).' },
  'overloaded': { status: 503, sentence: 'Too many intents are waiting; try again later.' },
  'internal-error': { status: 500, sentence: 'A bug in Switchyard; the log has the details.' },
} as const satisfies Record<string, Code> // biome-ignore format: one code a line

export type RejectionCode = keyof typeof rejections

export const refusals = {
  'malformed': { status: 400, sentence: 'The message is not of the agreed form.' },
  'oversize': { status: 413, sentence: 'The message is larger than the limit.' },
  'unknown-key': { status: 401, sentence: 'The message is signed by a key that is not pinned.' },
  'bad-signature': { status: 401, sentence: 'The signature does not match the message.' },
  'foreign-cluster': { status: 403, sentence: 'The message belongs to another cluster.' },
  'foreign-agent': { status: 403, sentence: 'The report is signed by the key of another agent.' },
  'older': { status: 409, sentence: 'A newer message has been accepted already.' },
  'fork': { status: 409, sentence: 'The same revision exists with another digest, or the same epoch with another id.' },
  'future-format': { status: 409, sentence: 'The content format is newer than this program understands.' },
  'wrong-digest': { status: 409, sentence: 'The objects do not hash to the digest of the signed header.' },
  'does-not-compile': { status: 422, sentence: 'The objects do not compile to a routing table.' },
  'corrupt-table': { status: 422, sentence: 'The table failed verification in the router.' },
} as const satisfies Record<string, Code> // biome-ignore format: one code a line

export type RefusalCode = keyof typeof refusals
export const refusalCode = z.enum(Object.keys(refusals) as [RefusalCode, ...RefusalCode[]])

/** An expected "no": a code, a sentence for this case, and the field or evidence it is about. */
export interface Rejection {
  readonly code: RejectionCode
  readonly detail: string
  /** What to do about it, for people. */
  readonly fix?: string
  /** Fields at fault, as JSON pointers. */
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[]
  /** Evidence such as a ledger or a release id; goes into the problem document as it is. */
  readonly evidence?: Readonly<Record<string, unknown>>
}
