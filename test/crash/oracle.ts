/**
 * The oracle of the crash tests is the client: whatever it was answered 2xx must be there for ever, with
 * that very answer. Requests come from a seed; each has a key, so it can be sent again after a crash.
 */
import { canonicalText } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'

export interface Sent {
  readonly key: string
  readonly method: string
  readonly path: string
  readonly body: unknown
  /** Null while nobody has answered. */
  answer: { readonly status: number; readonly text: string } | null
}

export interface Oracle {
  readonly sent: readonly Sent[]
  /** Sends new requests one after another until control is gone or `count` were answered. */
  press(url: string, count: number): Promise<void>
  /** Sends again what was not answered, and the newest that were; returns what is wrong. */
  check(url: string, newest: number): Promise<readonly string[]>
}

/** mulberry32: the same numbers for the same seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

export function createOracle(seed: number, token: string): Oracle {
  const random = randomOf(seed)
  const sent: Sent[] = []

  async function send(url: string, one: Sent): Promise<Sent['answer']> {
    const response = await fetch(url + one.path, {
      method: one.method,
      headers: {
        authorization: `Bearer ${token}`,
        'idempotency-key': one.key,
        ...(one.body !== null && { 'content-type': 'application/json' }),
      },
      body: one.body === null ? null : JSON.stringify(one.body),
      signal: AbortSignal.timeout(limits.waitTimeoutMs),
    })
    return { status: response.status, text: await response.text() }
  }

  function next(): Sent {
    const app = `app-${random(6)}`
    const key = `${seed}-${sent.length}`
    const intent = {
      clusters: ['eu-1', 'us-1'],
      hosts: [`${app}.example`],
      platform: { type: 'static' },
      copies: 1 + random(9),
    }
    const choices: readonly Omit<Sent, 'key' | 'answer'>[] = [
      { method: 'PUT', path: `/v1/apps/${app}`, body: intent },
      { method: 'PUT', path: `/v1/apps/${app}`, body: intent },
      { method: 'PUT', path: `/v1/apps/${app}`, body: intent },
      { method: 'DELETE', path: `/v1/apps/${app}`, body: null },
      { method: 'POST', path: '/v1/releases', body: { app, version: `${random(99)}` } },
      { method: 'POST', path: `/v1/releases/${app}-r1/abort`, body: null },
      { method: 'POST', path: '/v1/tokens', body: { name: `token-${random(5)}`, scope: 'read' } },
      { method: 'DELETE', path: `/v1/tokens/token-${random(5)}`, body: null },
    ]
    return { key, answer: null, ...choices[random(choices.length)]! }
  }

  return {
    sent,
    async press(url, count) {
      for (let i = 0; i < count; i++) {
        const one = next()
        sent.push(one)
        try {
          one.answer = await send(url, one)
        } catch {
          return
        }
      }
    },
    async check(url, newest) {
      const wrong: string[] = []
      for (const one of sent.filter((each) => each.answer === null)) {
        one.answer = await send(url, one)
        if (one.answer!.status >= 500) wrong.push(`${one.key}: ${one.answer!.status} after a crash`)
      }
      const accepted = sent.filter(({ answer }) => answer!.status < 300).slice(-newest)
      for (const one of accepted) {
        const again = await send(url, one)
        if (
          again!.status !== one.answer!.status ||
          meaning(again!.text) !== meaning(one.answer!.text)
        ) {
          wrong.push(
            `${one.key} ${one.method} ${one.path}: answered ${one.answer!.status} ${one.answer!.text}, ` +
              `and after a crash ${again!.status} ${again!.text}`,
          )
        }
      }
      return wrong
    },
  }
}

/** As JSON; a token is shown once, and the recorded answer has none. */
const meaning = (text: string): string => canonicalText({ ...JSON.parse(text), token: null })
