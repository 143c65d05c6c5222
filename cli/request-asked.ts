/** A request as people write it, for `explain` and `blame`: an address, and as with curl its fields. */
import type { Command } from 'commander'
import { usage } from './failure.ts'

export interface RequestFlags {
  readonly method: string
  readonly header: readonly string[]
  readonly revision?: string
  readonly at?: string
}

export const withRequest = (command: Command): Command =>
  command
    .argument('<cluster>')
    .argument('<address>', 'host and path, as shop.example/cart?x=1')
    .option('-X, --method <method>', 'method of the request', 'GET')
    .option(
      '-H, --header <field>',
      'a field of the request, as "x-team: blue"; repeat it for more',
      (field: string, before: readonly string[]) => [...before, field],
      [],
    )
    .option('--revision <number>', 'as after this record of the log')
    .option('--at <instant>', 'as it was then: 2026-11-25T10:00:00Z')

/** The body of `POST …/explain` and `…/blame`. */
export function requestOf(address: string, flags: RequestFlags): object {
  const match = /^(?:https?:\/\/)?([^/?#\s]+)([/?][^\s#]*)?$/i.exec(address)
  if (!match) throw usage(`"${address}" is no address`, 'Say host and path: shop.example/cart.')
  const [, host, rest = '/'] = match
  if (flags.revision !== undefined && flags.at !== undefined) {
    throw usage('say --revision or --at, not both')
  }
  return {
    method: flags.method,
    host,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    headers: flags.header.map(fieldOf),
    ...(flags.revision !== undefined && { revision: wholeNumber(flags.revision, '--revision') }),
    ...(flags.at !== undefined && { at: flags.at }),
  }
}

/** `name: value` as curl takes it, or `name=value`. */
export function fieldOf(text: string): { name: string; value: string } {
  const match = /^([^\s:=]+)\s*[:=]\s*(.*)$/.exec(text)
  if (!match) throw usage(`"${text}" is no field`, 'Say it as "x-team: blue" or x-team=blue.')
  return { name: match[1]!, value: match[2]!.trim() }
}

export function wholeNumber(text: string, where: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw usage(`${where}: "${text}" is no whole number`)
}
