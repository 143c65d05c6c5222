/** The pages of the command line: what they type is really typed, and their table is the code's. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { exitCodes } from '../../cli/exit-codes.ts'
import { read } from '../borders/sources.ts'
import { mismatch, transcripts } from '../first-contact/transcript.ts'
import { openScene, type Scene } from './scene.ts'

let scene: Scene
beforeEach(async () => {
  scene = await openScene()
  await scene.openShop()
})
afterEach(() => scene.close())

/** Words of a command line; what stands in quotes is one. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)

it.each(['docs/cli.md', 'docs/ci.md'])('what %s types is answered as it says', async (page) => {
  const typed = transcripts(read(page).text)
  expect(typed.length).toBeGreaterThan(1)
  for (const { command, expected } of typed) {
    const [program, ...args] = wordsOf(command)
    expect(program).toBe('switchyard')
    const ran = await scene.following(scene.desk.run(args))
    const lines = ran.out.trim().split('\n')
    // Lines of a watch come as often as something changes: the first and the last are compared.
    const shown = expected.length < lines.length && args.includes('--watch')
    const out = shown ? [lines[0], lines.at(-1)].join('\n') : ran.out
    expect(mismatch(out, expected), `${page}: ${command}\n${ran.err}`).toBeNull()
    expect(ran.code, `${page}: ${command}\n${ran.err}`).toBe(0)
  }
})

it('docs/cli.md has every exit code', () => {
  const page = read('docs/cli.md').text
  const rows = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`)
  expect(page).toContain(rows.join('\n'))
})
