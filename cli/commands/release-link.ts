/** `release link`: a signed link that leads one browser to the candidate, until it expires. */
import type { Command } from 'commander'
import { previewLink } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun } from '../change.ts'
import { type Session, understood } from '../session.ts'
import { durationMs, instant } from '../times.ts'

interface LinkFlags extends ChangeFlags {
  readonly expires?: number
  readonly path?: string
}

export function releaseLink(noun: Command, session: Session): void {
  withDryRun(
    noun
      .command('link')
      .description('issue a link to a candidate that was made with --preview-links')
      .argument('<id>')
      .option('--expires <duration>', 'it ends after this long; left out: a day', durationMs)
      .option('--path <path>', 'where it leads to'),
  ).action(async (id: string, flags: LinkFlags) => {
    const body = {
      ...(flags.expires !== undefined && { expiresInMs: flags.expires }),
      ...(flags.path && { path: flags.path }),
    }
    const path = `/v1/releases/${encodeURIComponent(id)}/preview-links`
    const answer = await ask(session, flags, { method: 'POST', path, body })
    if (answer === null) return
    const link = understood(previewLink, answer, `POST ${path}`)
    session.print(answer, () => (link.urls.length > 0 ? link.urls : [link.path ?? '']))
    session.say(`Whoever has it sees ${id} until ${instant(link.expiresAtMs)}.`)
  })
}
