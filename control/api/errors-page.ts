/** The catalogue of codes as a page: written to `docs/errors.md` and served by control itself. */
import { refusals, rejections } from '#wire/codes.ts'
import { logCodes } from '#wire/log-codes.ts'
import { warnings } from '#wire/warning-codes.ts'

interface Row {
  readonly status: number
  readonly sentence: string
}

const section = (codes: Readonly<Record<string, Row>>): string =>
  Object.entries(codes)
    .map(([code, { status, sentence }]) => `### ${code}\n\n${status}. ${sentence}\n`)
    .join('\n')

export const errorsPage = (): string => `# Errors

Generated from \`wire/codes.ts\` by \`npm run docs\`.

Every error of the API is a problem document (RFC 9457, \`application/problem+json\`): \`code\` is one of the
names below and never changes its meaning, \`detail\` speaks of this case, \`fix\` says what to do, and
\`errors\` names each field at fault. A \`pointer\` is a JSON pointer into the body (\`/routes/0/name\`), \`?name\`
for the query, \`{name}\` for the path, or a header's name. Further members are evidence, such as a ledger.

A refused intent has changed nothing. \`wait-timeout\` is not a refusal: the change was accepted and goes on.

## Rejections of intents

${section(rejections)}
## Refusals of messages

Between control and agents: an agent that refuses a message keeps serving what it has and reports the code;
control answers a refused report with it.

${section(refusals)}
## Warnings of dry runs

A call with \`?dryRun=true\` changes nothing and answers what would happen; these are the codes of its
\`warnings\`. A warning refuses nothing.

${Object.entries(warnings)
  .map(([code, sentence]) => `### ${code}\n\n${sentence}\n`)
  .join('\n')}
## Log lines

Control and agents write one line for each of these to stderr: with \`--log-format json\` an object with
\`time\`, \`level\`, \`code\`, \`program\`, \`text\` and the fields named here, and \`cluster\`, \`agent\` where they are
known. Tokens and secrets are struck out.

| code | level | |
| --- | --- | --- |
${Object.entries(logCodes)
  .map(([code, { level, sentence }]) => `| \`${code}\` | ${level} | ${sentence} |`)
  .join('\n')}
`
