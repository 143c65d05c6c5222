/** An image is copied together by hand: it has to have every file that its program imports, and theirs. */
import { expect, test } from 'vitest'
import { importsOf, read } from './sources.ts'

interface Stage {
  /** Paths from the project's root; a folder ends with `/`. */
  readonly copied: string[]
  program?: string
}

function stagesOf(dockerfile: string): Map<string, Stage> {
  const stages = new Map<string, Stage>()
  let stage: Stage = { copied: [] }
  for (const line of read(dockerfile).lines) {
    const [, from, name] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? []
    if (from && name) {
      stage = { copied: [...(stages.get(from)?.copied ?? [])] }
      stages.set(name, stage)
    }
    const [, path] = /^COPY (?!--from)(\S+) \S+$/.exec(line) ?? []
    if (path) stage.copied.push(path)
    const [, program] = /^ENTRYPOINT \["node", "(.+)"\]$/.exec(line) ?? []
    if (program) stage.program = program
  }
  return stages
}

/** Files of the project that a program loads. */
function loadedBy(program: string): Set<string> {
  const loaded = new Set([program])
  for (const path of loaded) {
    for (const { target, isType } of importsOf(read(path))) {
      if (!isType && target.endsWith('.ts')) loaded.add(target)
    }
  }
  return loaded
}

const programs = [...stagesOf('deploy/images/Dockerfile')].filter(([, { program }]) => program)

test.each(programs)('the image %s has all that its program imports', (_, { program, copied }) => {
  const has = (path: string) =>
    copied.some((copy) => (copy.endsWith('/') ? path.startsWith(copy) : path === copy))
  const missing = [...loadedBy(program!)].filter((path) => !has(path))
  expect(missing, `COPY ${missing.join(', ')} in deploy/images/Dockerfile`).toEqual([])
})
