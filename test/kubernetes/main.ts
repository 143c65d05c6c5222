/**
 * `npm run test:kubernetes`: tells the story in two labs, which it prepares as far as something is missing, or, with
 * `KUBECONFIG`, in the clusters that it names; `-- --long` repeats what wants repetition as often as a night allows.
 * Where there can be no lab it says what to run instead.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { imageNeeds, NotPossibleHere, nodeNeeds, prepareMachine } from '../lab/prerequisites.ts'
import { findPrograms } from '../lab/programs/build.ts'
import { nodePrograms } from '../lab/programs/catalogue.ts'
import { longForm } from './long-form.ts'
import { contextsVariable } from './outside-place.ts'

const source = join(import.meta.dirname, '../..')

async function run(long: boolean): Promise<number> {
  const contexts = process.env.KUBECONFIG ? await contextsOutside() : await prepareLabs()
  const vitest = join(source, 'node_modules/vitest/vitest.mjs')
  // Named first: behind a flag it would be taken for the flag's value.
  const args = [
    vitest,
    'run',
    'test/kubernetes',
    '--project=promises',
    '--disable-console-intercept',
  ]
  const child = spawn(process.execPath, args, {
    cwd: source,
    stdio: 'inherit',
    env: { ...process.env, [contextsVariable]: contexts, ...(long && { [longForm]: '1' }) },
  })
  // Ctrl-C reaches it too, and its labs end before it does.
  process.on('SIGINT', () => {})
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** None. */
async function prepareLabs(): Promise<''> {
  const say = (line: string) => console.log(line)
  await prepareMachine([...nodeNeeds, ...imageNeeds], say)
  await findPrograms(nodePrograms, say)
  return ''
}

async function contextsOutside(): Promise<string> {
  const { KUBECONFIG, [contextsVariable]: named } = process.env
  if (named) return named
  try {
    return (await promisify(execFile)('kubectl', ['config', 'current-context'])).stdout.trim()
  } catch (cause) {
    throw new Error(
      `KUBECONFIG=${KUBECONFIG} names no cluster: ${contextsVariable}=<context> says which`,
      { cause },
    )
  }
}

try {
  const { values } = parseArgs({ options: { long: { type: 'boolean', default: false } } })
  process.exitCode = await run(values.long)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof NotPossibleHere) {
    const asRoot = process.platform === 'linux' && process.getuid?.() !== 0
    const before = asRoot ? 'sudo' : 'KUBECONFIG=~/.kube/config'
    console.error(`The one command to run: ${before} npm run test:kubernetes`)
  }
  process.exitCode = 1
}
