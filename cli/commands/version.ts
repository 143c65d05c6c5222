/** `version`: of this program, of its Node, and whether control answers. */
import type { Command } from 'commander'
import { z } from 'zod'
import { ready } from '../answers.ts'
import { Failure } from '../failure.ts'
import { ownVersion } from '../own-version.ts'
import type { Session } from '../session.ts'

const shape = z.object({ info: z.object({ version: z.string() }) })

export function versionNoun(program: Command, session: Session): void {
  program
    .command('version')
    .description('versions of switchyard, of Node, and of the API of control')
    .option('--client', 'of this program only')
    .action(async (flags: { client?: boolean }) => {
      const own = { switchyard: ownVersion(), node: process.versions.node }
      const shown = flags.client ? own : { ...own, control: await controlOf(session) }
      session.print(shown, () =>
        session.fields([
          ['switchyard', own.switchyard],
          ['node', own.node],
          ...('control' in shown ? [['control', controlWords(shown.control)] as const] : []),
        ]),
      )
    })
}

type Control = { url: string; api: string; revision: number } | { error: string }

const controlWords = (control: Control): string =>
  'error' in control
    ? control.error
    : `${control.url}: API version ${control.api}, revision ${control.revision}`

/** Not to be reached is an answer here, not a failure. */
async function controlOf(session: Session): Promise<Control> {
  try {
    const { url } = session.target
    const { info } = await session.read(shape, '/openapi.json')
    const { revision } = await session.read(ready, '/readyz')
    return { url, api: info.version, revision }
  } catch (error) {
    if (error instanceof Failure) return { error: error.message }
    throw error
  }
}
