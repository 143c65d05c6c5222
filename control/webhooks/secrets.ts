/**
 * Where a webhook's address and secret are kept: a file of mode 0600 for each, never the log. The address
 * is found by the hash that the log holds, so that a change which was cut in the middle is either not
 * done or done.
 */
import { z } from 'zod'
import { webhookUrl, webhookUrlHash } from '#wire/webhook.ts'
import { type Store, storedNames } from '../trust/store.ts'

const kept = z.strictObject({
  secret: z.string().startsWith('whsec_'),
  /** By hash: the address in use, and perhaps one that was about to be. */
  urls: z.record(z.string(), webhookUrl),
})

export interface WebhookSecrets {
  /** Keeps the address; resolves with the secret: a new one when the webhook `isNew`. */
  keep(
    name: string,
    url: string,
    isNew: boolean,
  ): { readonly secret: string; readonly urlHash: string }
  /** Null when the file is missing or holds another address. */
  find(name: string, urlHash: string): { readonly secret: string; readonly url: string } | null
  /** Forgets every address but one. */
  settle(name: string, urlHash: string): void
  remove(name: string): void
}

const secretBytes = 32

export function createWebhookSecrets(store: Store): WebhookSecrets {
  const fileOf = (name: string) => storedNames.webhookSecret(name)
  function read(name: string): z.infer<typeof kept> | null {
    const text = store.read(fileOf(name))
    if (text === null) return null
    const parsed = kept.safeParse(parsedJson(text))
    return parsed.success ? parsed.data : null
  }
  const write = (name: string, value: z.infer<typeof kept>) =>
    store.write(fileOf(name), `${JSON.stringify(value)}\n`)
  return {
    keep(name, url, isNew) {
      const former = isNew ? null : read(name)
      const urlHash = webhookUrlHash(url)
      const secret = former?.secret ?? newSecret()
      write(name, { secret, urls: { ...former?.urls, [urlHash]: url } })
      return { secret, urlHash }
    },
    find(name, urlHash) {
      const found = read(name)
      const url = found?.urls[urlHash]
      return found && url !== undefined ? { secret: found.secret, url } : null
    },
    settle(name, urlHash) {
      const found = read(name)
      const url = found?.urls[urlHash]
      if (found && url !== undefined && Object.keys(found.urls).length > 1) {
        write(name, { secret: found.secret, urls: { [urlHash]: url } })
      }
    },
    remove: (name) => store.remove(fileOf(name)),
  }
}

/** Standard Webhooks: `whsec_` and base64 of 24 to 64 random bytes. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(secretBytes))
  return `whsec_${btoa(String.fromCharCode(...bytes))}`
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
