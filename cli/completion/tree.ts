/**
 * The command line as data, read from commander's own tree: what every shell's completion is generated
 * from, so that none of them can know another command line than the program.
 */
import type { Argument, Command, Option } from 'commander'

export interface Node {
  /** `switchyard release create` */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  readonly flags: readonly Flag[]
  /** What its first argument names: asked of control; null: nothing that it could know. */
  readonly names: Names | null
}

export interface Flag {
  readonly names: readonly string[]
  readonly about: string
  /** Null: it takes no value. */
  readonly value: { readonly choices: readonly string[]; readonly isFile: boolean } | null
}

export const namesKnown = ['apps', 'releases', 'clusters', 'contexts'] as const
export type Names = (typeof namesKnown)[number]

const kinds: Readonly<Record<string, Names>> = { app: 'apps', id: 'releases', cluster: 'clusters' }

export function treeOf(program: Command): Node[] {
  const shared = program.options.map(flagOf)
  const walk = (command: Command, before: string): Node[] => {
    const path = `${before}${command.name()}`
    const below = command.commands.filter((one) => !isHidden(one))
    const own = command === program ? [] : command.options.map(flagOf)
    const node: Node = {
      path,
      commands: below.map((one) => ({ name: one.name(), about: one.description() })),
      flags: [...own, ...shared, { names: ['--help', '-h'], about: 'help', value: null }],
      names: namesOf(path, command.registeredArguments[0]),
    }
    return [node, ...below.flatMap((one) => walk(one, `${path} `))]
  }
  return walk(program, '')
}

const isHidden = (command: Command): boolean =>
  (command as unknown as { _hidden?: boolean })._hidden === true

function flagOf(option: Option): Flag {
  const isFile = /<(file|folder|path)\b/.test(option.flags)
  const takes = option.required || option.optional
  return {
    names: [option.long, option.short].filter((name): name is string => Boolean(name)),
    about: option.description,
    value: takes ? { choices: option.argChoices ?? [], isFile } : null,
  }
}

function namesOf(path: string, argument: Argument | undefined): Names | null {
  if (!argument) return null
  if (path.startsWith('switchyard context ')) return 'contexts'
  return kinds[argument.name()] ?? null
}
