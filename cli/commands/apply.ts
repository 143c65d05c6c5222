/** `apply`, `diff -f`, `export`: apps, releases and freezes as files, so that Git can be the source. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { z } from 'zod'
import { type AnyDocument, anyDocument, appIntentOf } from '#wire/document.ts'
import { dryRun, type Release, release as releaseShape, releases } from '../answers.ts'
import { ask, type ChangeFlags, withDryRun, withWait } from '../change.ts'
import { documentsIn, nameOf, selectorOf } from '../documents/folder.ts'
import { planOf, type Step } from '../documents/plan.ts'
import { Failure, usage } from '../failure.ts'
import { watchRelease } from '../live/watch.ts'
import { type Session, understood } from '../session.ts'

interface ApplyFlags extends ChangeFlags {
  readonly file: string[]
  readonly selector?: string
  readonly prune?: boolean
  readonly yes?: boolean
  readonly watch?: boolean
}

export function applyNoun(program: Command, session: Session): void {
  withWait(
    withDryRun(
      program
        .command('apply')
        .description('make it as the documents say; a second time changes nothing')
        .requiredOption('-f, --file <path...>', 'files or folders of YAML and JSON; - is stdin')
        .option('-l, --selector <labels>', 'only documents with these labels: team=web')
        .option('--prune', 'delete apps with these labels that no document names; needs -l, --yes')
        .option('--yes', 'deleting is meant')
        .option('--watch', 'watch each release that is made until it is live'),
    ),
  ).action((flags: ApplyFlags) => apply(session, flags))
  program
    .command('export')
    .description('everything as documents that would make it again')
    .argument('[app]', 'only this app and its releases')
    .option('--kind <kind>', 'only App, Release or Freeze')
    .option('--folder <folder>', 'a file for each, in this folder, instead of standard output')
    .action(async (app: string | undefined, flags: { kind?: string; folder?: string }) => {
      const answer = await session.client.get('/v1/export', { app, kind: flags.kind })
      const { documents } = understood(exported, answer, 'GET /v1/export')
      if (flags.folder === undefined) {
        if (session.format === 'json') return session.print(answer, () => [])
        return session.desk.out.write(documents.map((one) => stringify(one)).join('---\n'))
      }
      const folder = resolve(session.desk.folder, flags.folder)
      mkdirSync(folder, { recursive: true })
      for (const one of documents) {
        const name = `${one.kind.toLowerCase()}-${one.metadata.name}.yaml`
        writeFileSync(join(folder, name), stringify(one))
      }
      session.say(`${documents.length} documents are in ${folder}.`)
    })
}

const exported = z.object({ documents: z.array(anyDocument) })

async function planFor(session: Session, flags: Omit<ApplyFlags, keyof ChangeFlags>) {
  if (flags.prune && flags.selector === undefined) {
    throw usage('--prune needs -l: which apps are in the care of these files', '-l team=web')
  }
  const all = await documentsIn(session.desk, flags.file)
  const selects = flags.selector === undefined ? () => true : selectorOf(flags.selector)
  const asked = all.filter(({ document }) => selects(document))
  const { documents } = await session.read(exported, '/v1/export')
  const held = await session.read(releases, '/v1/releases')
  // Phases of a newer control that are not known here are no phases that count.
  const known = held.releases as readonly Release[] as Parameters<typeof planOf>[1]['releases']
  return planOf(asked, { documents, releases: known }, flags.prune ? { selects } : null)
}

/** For `diff -f`: the plan, in words, and whether there is anything to do. */
export async function diffDocuments(session: Session, file: string[], selector?: string) {
  const plan = await planFor(session, { file, ...(selector !== undefined && { selector }) })
  const shown = plan.map(({ action, document, differences, release }) => ({
    action,
    document: nameOf(document),
    differences,
    release,
  }))
  session.print({ plan: shown }, () => plan.flatMap((step) => stepLines(session, step)))
  return plan.some(({ action }) => action !== 'same')
}

async function apply(session: Session, flags: ApplyFlags): Promise<void> {
  const plan = await planFor(session, flags)
  const deletes = plan.filter(({ action }) => action === 'delete')
  if (deletes.length > 0 && !flags.yes && !flags.dryRun) {
    const names = deletes.map(({ document }) => document.metadata.name).join(', ')
    throw usage(`--prune would delete ${names}`, 'Look with --dry-run, then say --yes.')
  }
  const made: string[] = []
  const done: { action: string; document: string; release?: string }[] = []
  for (const step of plan) {
    const release = await applyOne(session, flags, step, plan)
    if (release && step.action === 'create') made.push(release)
    const document = nameOf(step.document)
    done.push({ action: step.action, document, ...(release && { release }) })
  }
  const structured = session.format === 'json' || session.format === 'yaml'
  if (structured) session.print({ applied: done }, () => [])
  if (flags.dryRun || !flags.watch) return
  for (const id of made) {
    await watchRelease(session, { id, until: 'live', patient: false, timeoutMs: hourMs })
  }
}

const hourMs = 3_600_000

async function applyOne(
  session: Session,
  flags: ApplyFlags,
  step: Step,
  plan: readonly Step[],
): Promise<string | null> {
  const structured = session.format === 'json' || session.format === 'yaml'
  const tell = (more = '') => {
    if (structured) return
    for (const line of stepLines(session, step, more)) session.desk.out.write(`${line}\n`)
  }
  if (step.action === 'same') {
    tell()
    return step.release ?? null
  }
  try {
    if (flags.dryRun) {
      const warnings = needsNewApp(step, plan) ? [] : await foretold(session, step)
      tell()
      for (const one of warnings) session.say(session.paint('yellow', `warning: ${one}`))
      return null
    }
    const answer = await ask(session, flagsFor(flags, step), changeOf(step))
    const release =
      step.document.kind === 'Release' ? understood(releaseShape, answer, 'the release').id : null
    tell(release ? ` as ${release}` : '')
    return release
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const where = `${nameOf(step.document)}, ${step.where ?? 'to delete'}; ${error.parts.where ?? ''}`
    throw new Failure({ ...error.parts, where }, error.problem)
  }
}

/** What control says of one step; refused as the step itself would be. */
async function foretold(session: Session, step: Step): Promise<string[]> {
  const { method, path, ...more } = changeOf(step)
  const query = { dryRun: true }
  const answer = await session.client.call(method, path, { ...more, query })
  return understood(dryRun, answer, path).warnings.map(({ message }) => message)
}

/** What is about an app that an earlier step makes can only be tried behind it. */
function needsNewApp({ document }: Step, plan: readonly Step[]): boolean {
  if (document.kind === 'App') return false
  const { spec } = document
  const apps = 'app' in spec ? [spec.app] : (spec.apps ?? [])
  return plan.some(
    (one) =>
      one.action === 'create' &&
      one.document.kind === 'App' &&
      apps.includes(one.document.metadata.name),
  )
}

/** Freezes and new releases are done when they are accepted; apps are waited for. */
const flagsFor = ({ wait, timeout }: ApplyFlags, { document }: Step): ChangeFlags => ({
  ...(document.kind === 'App' && wait !== undefined && { wait }),
  ...(timeout !== undefined && { timeout }),
})

function changeOf({ action, document }: Step) {
  const name = encodeURIComponent(document.metadata.name)
  if (action === 'delete') return { method: 'DELETE', path: `/v1/apps/${name}` } as const
  switch (document.kind) {
    case 'App':
      return { method: 'PUT', path: `/v1/apps/${name}`, body: appIntentOf(document) } as const
    case 'Freeze':
      return { method: 'PUT', path: `/v1/freezes/${name}`, body: document.spec } as const
    case 'Release':
      return { method: 'POST', path: '/v1/releases', body: document.spec } as const
  }
}

const signs = {
  create: { sign: '+', paint: 'green' },
  change: { sign: '~', paint: 'yellow' },
  delete: { sign: '-', paint: 'red' },
  same: { sign: '=', paint: 'dim' },
} as const

function stepLines(session: Session, { action, document, differences, release }: Step, more = '') {
  const { sign, paint } = signs[action]
  const version = document.kind === 'Release' ? versionWords(document) : ''
  const answered = release ? ` (${release})` : ''
  const head = `${sign} ${nameOf(document)}${version}${answered}${more}`
  return [session.paint(paint, head), ...differences.map((line) => `    ${line}`)]
}

const versionWords = ({ spec }: Extract<AnyDocument, { kind: 'Release' }>): string =>
  `: ${spec.app} ${spec.version ?? `undo ${spec.undo}`}`
