/**
 * Where control is and with which token: contexts that `login` keeps in the user's configuration, the
 * environment, or the state folder of an `npm start` in this folder. Tokens lie in a file of mode 0600.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Desk } from './desk.ts'
import { Failure, usage } from './failure.ts'

export const contextName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i, 'use letters, digits, ".", "_" and "-"')

const context = z.object({ url: z.string(), token: z.string() })
const configuration = z.object({
  current: z.string().nullable(),
  contexts: z.record(z.string(), context),
})
export type Configuration = z.infer<typeof configuration>

/** Where to call, and where that was found. */
export interface Target {
  readonly url: string
  readonly token: string | null
  readonly source: string
  /** Of the context that it is; null: of none. */
  readonly context: string | null
}

export const configurationFile = ({ env, home }: Pick<Desk, 'env' | 'home'>): string =>
  join(env.XDG_CONFIG_HOME || join(home, '.config'), 'switchyard', 'contexts.json')

export function readConfiguration(desk: Pick<Desk, 'env' | 'home'>): Configuration {
  const file = configurationFile(desk)
  if (!existsSync(file)) return { current: null, contexts: {} }
  try {
    return configuration.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    const what = `the contexts cannot be read: ${why}`
    const fix = 'Mend the file, or move it away and log in again.'
    throw new Failure({ ending: 'failed', what, where: file, fix })
  }
}

export function writeConfiguration(desk: Pick<Desk, 'env' | 'home'>, held: Configuration): void {
  const file = configurationFile(desk)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const beside = `${file}.${randomBytes(4).toString('hex')}`
  writeFileSync(beside, `${JSON.stringify(held, null, 2)}\n`, { mode: 0o600 })
  renameSync(beside, file)
}

/** True when others of this machine may read the tokens. */
export function isOpenToOthers(desk: Pick<Desk, 'env' | 'home'>): boolean {
  const file = configurationFile(desk)
  return process.platform !== 'win32' && existsSync(file) && (statSync(file).mode & 0o077) !== 0
}

export interface TargetFlags {
  readonly context?: string
}

/** `--context`, `SWITCHYARD_URL`, `SWITCHYARD_CONTEXT`, the current context, `.switchyard` here. */
export function targetOf(desk: Desk, flags: TargetFlags): Target {
  const { SWITCHYARD_URL: url, SWITCHYARD_TOKEN: token, SWITCHYARD_CONTEXT: named } = desk.env
  if (!flags.context && url) {
    const source = 'SWITCHYARD_URL'
    return { url: checkedUrl(url, source), token: token || null, source, context: null }
  }
  const held = readConfiguration(desk)
  const name = flags.context || named || held.current
  if (name) {
    const found = held.contexts[name]
    if (!found) throw unknownContext(name, held)
    const source = `the context "${name}"`
    return { url: found.url, token: token || found.token, source, context: name }
  }
  return localTarget(desk, token) ?? noTarget()
}

const noTarget = (): never => {
  throw usage(
    'where is control? No context is chosen, and this folder has no .switchyard',
    'Log in: switchyard login URL --token-file FILE; or set SWITCHYARD_URL and SWITCHYARD_TOKEN.',
  )
}

export const unknownContext = (name: string, { contexts }: Configuration): Failure => {
  const names = Object.keys(contexts)
  const there = names.length > 0 ? `There are: ${names.join(', ')}.` : 'There are none.'
  const fix = `${there} \`switchyard login URL --context ${name}\` makes it.`
  return new Failure({ ending: 'usage', what: `no context is called "${name}"`, fix })
}

const fleetFile = z.object({ ports: z.object({ control: z.int() }) })

/** What `npm start` has left in this folder. */
function localTarget({ folder }: Desk, token: string | undefined): Target | null {
  const state = join(folder, '.switchyard')
  const [plan, admin] = [join(state, 'fleet.json'), join(state, 'control', 'admin.token')]
  if (!existsSync(plan) || !existsSync(admin)) return null
  const read = fleetFile.safeParse(JSON.parse(readFileSync(plan, 'utf8')))
  if (!read.success) return null
  return {
    url: `http://127.0.0.1:${read.data.ports.control}`,
    token: token || readFileSync(admin, 'utf8').trim(),
    source: '.switchyard in this folder (npm start)',
    context: null,
  }
}

/** An address of control, without path, query, user or password. */
export function checkedUrl(text: string, where: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password
  if (isPlain && !url.search && !url.hash) return url.href.replace(/\/+$/, '')
  throw usage(
    `${where}: "${text}" is not an address of control`,
    'Say it as https://switchyard.example or http://127.0.0.1:7700.',
  )
}

/** A token would travel in clear text over a network. */
export const isClearText = (text: string): boolean => {
  const { protocol, hostname } = new URL(text)
  return protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(hostname)
}
