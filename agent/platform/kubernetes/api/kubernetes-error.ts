/**
 * What the API server said when it refused: the HTTP status, and of its `Status` object the reason
 * (`Conflict`, `Expired`, `TooManyRequests` …), the sentence, and how long to stay away.
 */
import { z } from 'zod'

const statusObject = z.object({
  message: z.string().catch(''),
  reason: z.string().catch(''),
  code: z.number().optional().catch(undefined),
  details: z
    .object({ retryAfterSeconds: z.number().optional().catch(undefined) })
    .optional()
    .catch(undefined),
})

export interface Refused {
  /** HTTP's number. */
  readonly status: number
  /** Kubernetes' word; empty when something in between answered. */
  readonly reason: string
  readonly message: string
  readonly retryAfterMs: number | null
}

const messageCharsMax = 1_024
const retryAfterMsMax = 60_000

export class KubernetesError extends Error implements Refused {
  override readonly name = 'KubernetesError'
  readonly status: number
  readonly reason: string
  readonly retryAfterMs: number | null

  constructor(asked: string, { status, reason, message, retryAfterMs }: Refused) {
    const words = [reason, message].filter((word) => word !== '').join(': ')
    super(`${asked}: ${status}${words === '' ? '' : ` ${words}`}`.slice(0, messageCharsMax))
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** Of an answer's status, its `Retry-After` and its body; and of the object in a watch's `ERROR` event. */
export function statusOf(status: number, retryAfter: string | undefined, body: unknown): Refused {
  const { message, reason, code, details } = statusObject.safeParse(body).data ?? {
    message: '',
    reason: '',
  }
  const seconds = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : details?.retryAfterSeconds
  return {
    status: status === 0 ? (code ?? 0) : status,
    reason,
    message,
    retryAfterMs: seconds === undefined ? null : Math.min(seconds * 1_000, retryAfterMsMax),
  }
}

/** Everything that was read before has to be read again: the version asked for is too old. */
export const isGone = (error: unknown): boolean =>
  error instanceof KubernetesError && (error.status === 410 || error.reason === 'Expired')
