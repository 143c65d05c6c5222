/**
 * One connection of the generator: one request at a time, its answer checked against what was asked.
 * A connection reports every problem to the request that suffered it and is never used again then.
 */
import { connect } from 'node:net'
import { monotonicMs, type Problem, type RequestKind, type Target } from './plan.ts'
import { type Answer, createAnswerReader, Malformed } from './response.ts'

export interface Ask {
  readonly id: string
  readonly kind: RequestKind
  readonly user: number | null
  readonly authority: string
  /** Body and its digest; empty when the kind has none. */
  readonly body: Buffer
  readonly bodyDigest: string
  /** Ask the other side to close afterwards. */
  readonly last: boolean
  readonly timeoutMs: number
}

export interface Outcome {
  readonly sentMs: number
  readonly status: number
  readonly version: string
  readonly problem: Problem | null
  readonly detail: string
  /** The connection may carry another request. */
  readonly reusable: boolean
}

export interface Connection {
  readonly target: Target
  /** Open, and nothing is in flight. */
  readonly idle: boolean
  ask(ask: Ask): Promise<Outcome>
  close(): void
}

/** `onLost` is called when the other side ends an idle connection. */
export function openConnection(
  target: Target,
  onLost: (connection: Connection) => void,
): Connection {
  const socket = connect({ host: target.host, port: target.port, noDelay: true })
  let connected = false
  let open = true
  let current: { reader: ReturnType<typeof createAnswerReader>; ask: Ask } | null = null
  let sentMs = 0
  let settle: ((outcome: Outcome) => void) | null = null
  let timer: NodeJS.Timeout | null = null

  function finish(problem: Problem | null, detail: string, answer?: Answer): void {
    if (timer) clearTimeout(timer)
    const resolve = settle
    settle = null
    current = null
    const closing = answer?.headers.get('connection')?.toLowerCase() === 'close'
    if (problem || closing) {
      open = false
      socket.destroy()
    }
    const version = answer?.headers.get('x-version') ?? ''
    const status = answer?.status ?? 0
    resolve?.({ sentMs, status, version, problem, detail, reusable: open })
  }

  socket.on('connect', () => {
    connected = true
  })
  socket.on('data', (bytes: Buffer) => {
    if (!current) {
      open = false
      socket.destroy()
      onLost(connection)
      return
    }
    try {
      const { reader, ask } = current
      const answer = reader.push(bytes)
      if (!answer) return
      const wrong = check(ask, answer)
      if (wrong) finish(wrong[0], wrong[1], answer)
      else if (reader.excess > 0) finish('extra-bytes', `${reader.excess} bytes`, answer)
      else finish(null, '', answer)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      finish('malformed', error.message)
    }
  })
  const lost = (detail: string) => {
    const wasOpen = open
    open = false
    if (!current) {
      if (wasOpen) onLost(connection)
    } else if (!connected) finish('connect-failed', detail)
    else finish(current.reader.begun ? 'truncated' : 'closed', detail)
  }
  socket.on('error', (error) => lost(error.message))
  socket.on('end', () => {
    lost('the other side closed')
    socket.destroy()
  })
  socket.on('close', () => lost('closed'))

  const connection: Connection = {
    target,
    get idle() {
      return open && current === null
    },
    ask(ask) {
      return new Promise((resolve) => {
        settle = resolve
        current = { reader: createAnswerReader(ask.kind.method), ask }
        timer = setTimeout(() => finish('timeout', `${ask.timeoutMs} ms`), ask.timeoutMs)
        const write = () => {
          sentMs = monotonicMs()
          socket.write(head(ask))
          if (ask.body.length > 0) socket.write(ask.body)
        }
        sentMs = monotonicMs()
        if (connected) write()
        else socket.once('connect', write)
      })
    },
    close() {
      open = false
      socket.end()
    },
  }
  return connection
}

function head(ask: Ask): string {
  const { kind } = ask
  const lines = [`${kind.method} ${kind.path} HTTP/1.1`, `Host: ${ask.authority}`]
  lines.push(`X-Request-Id: ${ask.id}`)
  if (ask.user !== null) lines.push(`X-User-Id: user-${ask.user}`)
  for (const [name, value] of Object.entries(kind.headers ?? {})) lines.push(`${name}: ${value}`)
  if (ask.body.length > 0) lines.push(`Content-Length: ${ask.body.length}`)
  if (ask.last) lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** What is wrong with a complete answer; null when it is the one that was asked for. */
function check(ask: Ask, answer: Answer): readonly [Problem, string] | null {
  const id = answer.headers.get('x-request-id')
  if (id !== undefined && id !== ask.id) return ['crossed', `asked ${ask.id}, got ${id}`]
  if (answer.status !== 200) return ['status', `${answer.status} ${answer.text.slice(0, 200)}`]
  if (id === undefined) return ['crossed', `asked ${ask.id}, got no id`]
  if (ask.kind.method !== 'HEAD') {
    const promised = answer.headers.get('x-body-bytes') ?? 'unknown'
    if (promised !== String(answer.bodyBytes)) {
      return ['wrong-body', `${answer.bodyBytes} of ${promised} bytes`]
    }
    if (answer.headers.get('x-body-sha256') !== answer.digest) return ['wrong-body', 'digest']
  }
  if (ask.body.length > 0 && !answer.text.includes(ask.bodyDigest)) {
    return ['wrong-body', `the upload arrived as ${answer.text.slice(0, 120)}`]
  }
  const version = answer.headers.get('x-version')
  const said = /"version":"([^"]*)"/.exec(answer.text)?.[1]
  if (version !== undefined && said !== undefined && said !== version) {
    return ['crossed', `head says ${version}, body says ${said}`]
  }
  return null
}
