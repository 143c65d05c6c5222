/**
 * `npm run test:kubernetes`: prepares the lab as far as something is missing, then tells the story in it;
 * `-- --long` repeats what wants repetition as often as a night allows. Where there can be no lab it says what to
 * run instead.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NotPossibleHere, nodeNeeds, prepareMachine } from '../lab/prerequisites.ts'
import { findPrograms } from '../lab/programs/build.ts'
import { nodePrograms } from '../lab/programs/catalogue.ts'
import { longForm } from './long-form.ts'

const source = join(import.meta.dirname, '../..')

async function run(long: boolean): Promise<number> {
  const say = (line: string) => console.log(line)
  await prepareMachine(nodeNeeds, say)
  await findPrograms(nodePrograms, say)
  const vitest = join(source, 'node_modules/vitest/vitest.mjs')
  // Named first: behind a flag it would be taken for the flag's value.
  const args = [vitest, 'run', 'test/kubernetes', '--project=fleets', '--disable-console-intercept']
  const child = spawn(process.execPath, args, {
    cwd: source,
    stdio: 'inherit',
    env: { ...process.env, ...(long && { [longForm]: '1' }) },
  })
  // Ctrl-C reaches it too, and its labs end before it does.
  process.on('SIGINT', () => {})
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

try {
  const { values } = parseArgs({ options: { long: { type: 'boolean', default: false } } })
  process.exitCode = await run(values.long)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof NotPossibleHere) {
    console.error('The one command, on a machine that can: sudo npm run test:kubernetes')
  }
  process.exitCode = 1
}
