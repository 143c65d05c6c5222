/**
 * Completion scripts. Commands, flags and choices stand in the script; names (apps, releases, clusters)
 * are asked of control by the hidden command `switchyard names`, which is quiet and quick to give up.
 */
import type { Flag, Node } from './tree.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export const scriptFor = (shell: Shell, nodes: readonly Node[]): string =>
  ({ bash, zsh, fish })[shell](nodes)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const flagNames = (flags: readonly Flag[]) => flags.flatMap(({ names }) => names)
const subpaths = (nodes: readonly Node[]) => nodes.slice(1).map(({ path }) => path)

/** Finds the command in the words before the cursor: `at`. */
const walk = (nodes: readonly Node[], words: string) => `
  local at=switchyard word
  for word in ${words}; do
    case "$at $word" in
      ${subpaths(nodes).map(quoted).join('|')}) at="$at $word" ;;
    esac
  done`

function bash(nodes: readonly Node[]): string {
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) => {
      if (!value) return []
      const pattern = names.map((name) => quoted(`${path} ${name}`)).join('|')
      const reply = value.isFile
        ? 'compgen -f -- "$cur"'
        : `compgen -W ${quoted(value.choices.join(' '))} -- "$cur"`
      return `    ${pattern}) COMPREPLY=($(${reply})); return ;;`
    }),
  )
  const candidates = nodes.map(({ path, commands, flags, names }) => {
    const flagWords = quoted(flagNames(flags).join(' '))
    const commandWords = quoted(commands.map(({ name }) => name).join(' '))
    const asked = names ? ` names=${names}` : ''
    return `    ${quoted(path)}) flags=${flagWords} commands=${commandWords}${asked} ;;`
  })
  return `# bash completion of switchyard: source <(switchyard completion bash)
_switchyard() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} flags= commands= names=${walk(
    nodes,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '"${COMP_WORDS[@]:1:COMP_CWORD-1}"',
  )}
  case "$at $prev" in
${values.join('\n')}
  esac
  case "$at" in
${candidates.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    [[ -n $names ]] && commands="$commands $(switchyard names "$names" 2>/dev/null)"
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  fi
}
complete -o default -F _switchyard switchyard
`
}

/** `name:about`, as _describe takes them. */
const described = (name: string, about: string) =>
  quoted(`${name.replaceAll(':', '\\:')}:${about.replaceAll(':', '\\:')}`)

function zsh(nodes: readonly Node[]): string {
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) => {
      if (!value) return []
      const pattern = names.map((name) => quoted(`${path} ${name}`)).join('|')
      const reply = value.isFile ? '_files' : `compadd -- ${value.choices.map(quoted).join(' ')}`
      return `    ${pattern}) ${reply}; return ;;`
    }),
  )
  const candidates = nodes.map(({ path, commands, flags, names }) => {
    const flagList = flags.flatMap((flag) => flag.names.map((name) => described(name, flag.about)))
    const commandList = commands.map(({ name, about }) => described(name, about))
    const asked = names ? ` names=${names}` : ''
    return `    ${quoted(path)}) flags=(${flagList.join(' ')}) commands=(${commandList.join(' ')})${asked} ;;`
  })
  return `#compdef switchyard
# zsh completion of switchyard: source <(switchyard completion zsh)
_switchyard() {
  local names=
  local -a flags commands${walk(nodes, '"$' + '{(@)words[2,CURRENT-1]}"')}
  case "$at $words[CURRENT-1]" in
${values.join('\n')}
  esac
  case "$at" in
${candidates.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o flag flags
  else
    [[ -n $names ]] && compadd -- $(switchyard names $names 2>/dev/null)
    (( $#commands )) && _describe command commands
    [[ -z $names && $#commands -eq 0 ]] && _files
  fi
}
compdef _switchyard switchyard
`
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, flags, names }) => {
    const when = `-n ${quoted(`test (__switchyard_at) = "${path}"`)}`
    return [
      ...commands.map(
        ({ name, about }) => `complete -c switchyard ${when} -f -a ${name} -d ${quoted(about)}`,
      ),
      ...(names
        ? [`complete -c switchyard ${when} -f -a '(switchyard names ${names} 2>/dev/null)'`]
        : []),
      ...flags.map(({ names: all, about, value }) => {
        const [long, short] = all
        const takes = value ? ` -r${value.isFile ? ' -F' : ' -f'}` : ''
        const choices =
          value && value.choices.length > 0 ? ` -a ${quoted(value.choices.join(' '))}` : ''
        return `complete -c switchyard ${when} -l ${long!.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}${takes}${choices} -d ${quoted(about)}`
      }),
    ]
  })
  return `# fish completion of switchyard: switchyard completion fish | source
function __switchyard_at
  set -l at switchyard
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${subpaths(nodes).map(quoted).join(' ')}
        set at "$at $word"
    end
  end
  echo $at
end
complete -c switchyard -f
${lines.join('\n')}
`
}
