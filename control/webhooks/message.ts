/**
 * One record of the log as a receiver gets it. Its id comes from the place in the log, so that a repeat
 * has the same one and can be dropped; hashes of secrets never leave.
 */
import type { DomainEvent } from '../domain/event.ts'
import { parseRecord } from '../domain/record.ts'
import type { State } from '../domain/state.ts'
import { withoutSecrets } from '../domain/view/secret-fields.ts'
import { appIn, releaseIn, type WebhookState, wants } from '../domain/webhooks.ts'
import { sentenceOf } from '../domain/words/sentence.ts'
import type { LogRecord } from '../log/log.ts'

export interface Message {
  readonly id: string
  readonly body: string
}

type Epochs = State['epochs']

/** Null when the webhook wants nothing of this record. */
export function messageOf(hook: WebhookState, stored: LogRecord, epochs: Epochs): Message | null {
  const record = parseRecord(stored.text, stored.position)
  const wanted = record.events.filter((event) => wants(hook, event))
  const [first] = wanted
  if (!first) return null
  const { at, actor, reason, position: revision } = record
  const id = messageId(epochs, revision)
  const sentence = wanted.map(sentenceOf).join(' ')
  const message = {
    type: first.type,
    id,
    timestamp: new Date(at).toISOString(),
    revision,
    actor,
    ...(reason && { reason }),
    app: firstOf(wanted, appIn),
    release: firstOf(wanted, releaseIn),
    sentence,
    events: wanted.map((event) => ({ ...withoutSecrets(event), sentence: sentenceOf(event) })),
  }
  return { id, body: bodyOf(hook, message) }
}

/** Sent by hand, to see whether it arrives; it is in no log. */
export function testMessage(hook: WebhookState, id: string, at: number): Message {
  const sentence = `This is a test of the webhook "${hook.name}".`
  const timestamp = new Date(at).toISOString()
  const message = { type: 'webhook-test', id, timestamp, actor: 'operator', sentence, events: [] }
  return { id, body: bodyOf(hook, message) }
}

/** `evt_<epoch>_<position>`: the epoch in which the record was written, whatever began since. */
export function messageId(epochs: Epochs, position: number): string {
  const epoch = epochs.findLast(({ since }) => since <= position) ?? epochs[0]
  return `evt_${epoch?.id ?? 'none'}_${position}`
}

interface Told {
  readonly sentence: string
  readonly actor: string
  readonly reason?: string
}

const bodyOf = ({ format }: WebhookState, message: Told & object): string =>
  JSON.stringify(format === 'slack' ? { text: slackText(message) } : message)

/** Nobody asked for what the fleet or the clock has brought about. */
const notPeople = ['fleet', 'clock']

/** https://api.slack.com/reference/surfaces/formatting#escaping */
function slackText({ sentence, actor, reason }: Told): string {
  const who = notPeople.includes(actor) ? '' : ` (by ${actor}${reason ? `: ${reason}` : ''})`
  return `${sentence}${who}`
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}

function firstOf(events: readonly DomainEvent[], look: (event: DomainEvent) => string | null) {
  for (const event of events) {
    const found = look(event)
    if (found !== null) return found
  }
  return null
}
