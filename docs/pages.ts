/**
 * The pages that are made from the code, so that they cannot fall behind it: every flag as the programs
 * print it, every limit with its reason, every code. `npm run docs` writes them; a test compares.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type DocumentSchema, documentSchemas } from '#wire/document.ts'
import { schemaText } from '../control/api/documents.ts'
import { errorsPage } from '../control/api/errors-page.ts'
import { apiDocument } from '../control/api/server.ts'

const root = resolve(import.meta.dirname, '..')

interface Program {
  readonly title: string
  readonly script: string
  readonly commands: readonly (readonly string[])[]
}

const programs: readonly Program[] = [
  { title: '`npm start`', script: 'deploy/local/start.ts', commands: [[]] },
  {
    title: 'Control: `npm run control --`',
    script: 'control/main.ts',
    commands: [[], ['init'], ['start'], ['recover'], ['backup'], ['restore']],
  },
  {
    title: 'The command line: `npx switchyard`',
    script: 'cli/main.ts',
    commands: [[], ['release', 'create'], ['release', 'promote'], ['apply']],
  },
  { title: 'An agent: `npm run agent --`', script: 'agent/main.ts', commands: [[]] },
  {
    title: 'The local platform of a cluster',
    script: 'agent/platform/local/cluster.ts',
    commands: [[]],
  },
]

export const pages: readonly { readonly file: string; text(): string }[] = [
  { file: 'docs/errors.md', text: errorsPage },
  { file: 'docs/openapi.json', text: () => `${JSON.stringify(apiDocument(), null, 2)}\n` },
  ...(Object.keys(documentSchemas) as DocumentSchema[]).map((name) => ({
    file: `docs/schemas/${name}.json`,
    text: () => schemaText(name),
  })),
  { file: 'docs/configuration.md', text: configurationPage },
]

function configurationPage(): string {
  const sections = programs.map(({ title, script, commands }) => {
    const helps = commands.map((command) => `\`\`\`text\n${help(script, command)}\n\`\`\``)
    return `## ${title}\n\n${helps.join('\n\n')}`
  })
  return `# Configuration

Generated from the programs and \`wire/limits.ts\` by \`npm run docs\`.

${sections.join('\n\n')}

## Limits

Everything has a maximum. These are the ones that two programs must agree on; they are part of the version
and not set by an operator.

| limit | value | |
| --- | --- | --- |
${limitRows().join('\n')}
`
}

function help(script: string, command: readonly string[]): string {
  const environment = { PATH: process.env.PATH, HOSTNAME: '', COLUMNS: '100', NO_COLOR: '1' }
  const text = execFileSync(process.execPath, [join(root, script), ...command, '--help'], {
    encoding: 'utf8',
    env: environment,
  })
  return text.trimEnd().replaceAll(/[ \t]+$/gm, '')
}

/** Reads the limits' own comments: `/** why *\/` above a value, for it and those that follow it. */
function limitRows(): string[] {
  const text = readFileSync(join(root, 'wire/limits.ts'), 'utf8')
  let reason = ''
  return text.split('\n').flatMap((line) => {
    const comment = /^ {2}\/\*\* (.*) \*\/$/.exec(line)
    if (comment) reason = comment[1]!
    const value = /^ {2}(\w+): ([\d_]+),$/.exec(line)
    if (!value) return []
    const row = `| \`${value[1]}\` | ${value[2]!.replaceAll('_', ' ')} | ${reason} |`
    reason = ''
    return row
  })
}

if (import.meta.main) {
  for (const { file, text } of pages) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text())
  }
}
