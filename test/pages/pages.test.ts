/**
 * Every command that a page of docs/ shows is typed, in the order of the page, into one shell beside a
 * fleet as `npm start` makes it; what it prints is what the page says. Each page has an app of its own,
 * whose version 0.0.1 is live, in the place of `shop`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, startFleet } from '../../deploy/local/fleet.ts'
import { localPlan, shopIntent } from '../../deploy/local/setting.ts'
import { untilPhase } from '../../deploy/local/until.ts'
import { openShell } from '../first-contact/shell.ts'
import { aboutApp, atPortBase, mismatch, transcripts } from '../first-contact/transcript.ts'

const root = resolve(import.meta.dirname, '../..')
const docs = join(root, 'docs')
const node = join(root, 'node_modules/.bin/node')

/** Typed by test/cli/pages.test.ts, without processes. */
const elsewhere = ['ci.md', 'cli.md']

const pages = readdirSync(docs)
  .filter((file) => file.endsWith('.md') && !elsewhere.includes(file))
  .sort()
  .map((file) => ({ file, typed: transcripts(readFileSync(join(docs, file), 'utf8')) }))
  .filter(({ typed }) => typed.length > 0)
  .map((page, n) => ({ ...page, app: `sho${String.fromCharCode(97 + n)}` }))

/** What a shell has after `npm ci`, with an end to each command. */
const before = `
switchyard() { timeout 60 '${node}' '${join(root, 'cli/main.ts')}' "$@"; }
npx() { shift; switchyard "$@"; }
curl() { command timeout 60 curl "$@"; }`

describe('the pages', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'swy-pages-'))
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet(localPlan(join(folder, '.switchyard'), { nats: false }))
  })

  afterAll(async () => {
    await fleet?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('there are pages with transcripts, few enough for a letter each', () => {
    expect(pages.length).toBeGreaterThan(8)
    expect(pages.length).toBeLessThan(26)
  })

  test.each(pages)('$file does what it shows', async ({ typed, app }) => {
    await fleet.client.putApp(
      app,
      { ...shopIntent, hosts: [`${app}.example`] },
      { wait: 'active', timeoutMs: 15_000 },
    )
    const { id } = await fleet.client.createRelease({ app, version: '0.0.1', autoPromote: true })
    await untilPhase(fleet.client, id, 'live', 30_000)
    const shell = openShell({
      folder,
      environment: {
        HOME: folder,
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        PATH: process.env.PATH,
        // The command line is started a hundred times.
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      },
      both: true,
      before,
    })
    const here = (text: string) => aboutApp(atPortBase(text, fleet.ports.control), app)
    try {
      for (const { command, expected } of typed) {
        const printed = await shell.run(here(command))
        const wrong = mismatch(printed, expected.map(here))
        expect(wrong, `$ ${here(command)}\n${wrong}`).toBeNull()
      }
    } finally {
      shell.close()
    }
  })
})
