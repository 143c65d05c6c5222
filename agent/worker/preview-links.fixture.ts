/**
 * For the tests of preview links: the shop on a real socket, whose candidate links may lead to, in front of
 * two backends; and control's key that signs the links. All of it is gone when the test ends.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileTable } from '#router/compile.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { previewName, signPreviewLink } from '#wire/preview-link.ts'
import { generateKey, type SigningKey } from '#wire/signature.ts'
import { shopObjects } from './shop-table.ts'
import { kept, plainBackend, type RawBackend, rawClient, type Stage, startStage } from './stage.ts'

export interface LinkedShop {
  readonly stage: Stage
  /** Signs links, and is pinned at first. */
  readonly key: SigningKey
  readonly stable: RawBackend
  readonly candidate: RawBackend
  /** From now on these are the keys of control that the worker reads. */
  pin(...keys: readonly SigningKey[]): void
  token(link?: Partial<Link>): Promise<string>
  /** On a connection of its own, up to the end of the answer's head and what came with it. */
  ask(target: string, fields?: Readonly<Record<string, string>>, method?: string): Promise<Answer>
}

interface Link {
  readonly id: string
  readonly app: string
  readonly release: string
  readonly forMs: number
  readonly signer: SigningKey
}

interface Answer {
  readonly status: number
  readonly text: string
}

export interface LinkedShopOptions {
  readonly objects?: readonly SnapshotObject[]
  /** One that answers with its name; left out: every bodiless request at once. */
  readonly backend?: (name: string) => Promise<RawBackend>
}

export async function openLinkedShop(options: LinkedShopOptions = {}): Promise<LinkedShop> {
  const { objects = withLinks(shopObjects()), backend = plainBackend } = options
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-links-'))
  kept({ stop: () => rmSync(folder, { recursive: true }) })
  const keysFile = join(folder, 'control-keys.json')
  const pin = (...keys: readonly SigningKey[]) =>
    writeFileSync(keysFile, JSON.stringify({ publicKeys: keys.map((one) => one.publicKey) }))
  const { key } = await generateKey()
  pin(key)
  const stage = kept(await startStage({ table: tableOf(objects), keysFile }))
  const stable = kept(await backend('stable'))
  const candidate = kept(await backend('candidate'))
  stage.router.setEndpoints('shop-r1', [{ address: '127.0.0.1', port: stable.port }])
  stage.router.setEndpoints('shop-r2', [{ address: '127.0.0.1', port: candidate.port }])

  return {
    stage,
    key,
    stable,
    candidate,
    pin,
    token({ forMs = 60_000, signer = key, ...more } = {}) {
      const link = { id: '0'.repeat(16), app: 'shop', release: 'shop-r2', ...more }
      return signPreviewLink({ ...link, expiresAtMs: Date.now() + forMs }, signer)
    },
    async ask(target, fields = {}, method = 'GET') {
      const client = await rawClient(stage.port)
      const head = { host: 'shop.test', ...fields }
      const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
      client.send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
      const text = await client.until('\r\n\r\n')
      client.socket.destroy()
      return { status: Number(text.split(' ')[1]), text }
    },
  }
}

/** The same objects, with a candidate that links may lead to. */
export const withLinks = (objects: readonly SnapshotObject[]): SnapshotObject[] =>
  objects.map((object) =>
    object.kind === 'backend' && object.release === 'shop-r2' ? { ...object, links: true } : object,
  )

export function tableOf(objects: readonly SnapshotObject[]): Uint8Array {
  const outcome = compileTable(objects)
  if (!outcome.ok) throw new Error(outcome.reason)
  return outcome.bytes
}

/** The link's cookie; written the same way, the parameter of a query. */
export const cookie = (token: string): string => `${previewName}=${token}`
