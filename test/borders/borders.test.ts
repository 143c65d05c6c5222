/**
 * The shape of the house, checked: who may import whom, what pure folders may touch, how big a file may
 * grow, which constructs and words are not used. Every message says what to do instead.
 */
import { expect, test } from 'vitest'
import { codeLines, importsOf, type Source, sources } from './sources.ts'

/** Declarations of other people's packages are not ours to shape. */
const all = sources(['.ts']).filter((source) => !source.path.endsWith('.d.ts'))
const assembly = (source: Source) => source.path.startsWith('router-wasm/assembly/')
const isTest = (source: Source) => /\.(test|cases)\.ts$/.test(source.path)
const folderOf = (path: string) => path.slice(0, path.indexOf('/'))

/** wire ← router-wasm ← control | agent ← bench ← deploy, test; wire ← cli, which calls the API */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  wire: ['wire'],
  'router-wasm': ['wire', 'router-wasm'],
  cli: ['wire', 'cli'],
  control: ['wire', 'router-wasm', 'control'],
  agent: ['wire', 'router-wasm', 'agent'],
  bench: ['wire', 'router-wasm', 'control', 'agent', 'bench'],
  deploy: ['wire', 'router-wasm', 'control', 'agent', 'bench', 'deploy', 'cli'],
  docs: ['wire', 'router-wasm', 'control', 'agent', 'bench', 'deploy', 'docs', 'cli'],
  test: ['wire', 'router-wasm', 'control', 'agent', 'bench', 'deploy', 'docs', 'test', 'cli'],
}

const none = (faults: readonly string[]) => expect(faults, faults.join('\n')).toEqual([])

test('imports run one way', () => {
  const faults = all.flatMap((source) =>
    importsOf(source).flatMap(({ line, specifier, target }) => {
      const from = folderOf(source.path)
      const to = folderOf(target)
      if (!(to in mayImport) || specifier.startsWith('node:')) return []
      const place = `${source.path}:${line}: imports ${specifier}`
      if (!mayImport[from]!.includes(to)) {
        return `${place}; ${from}/ may import only ${mayImport[from]!.join(', ')}: move what both need to wire/`
      }
      if (from !== to && to === 'wire' && !specifier.startsWith('#')) return `${place}; say #wire/…`
      if (from !== to && to === 'router-wasm' && !specifier.startsWith('#')) {
        return `${place}; say #router/…`
      }
      return []
    }),
  )
  none(faults)
})

test('pilot and worker share only the file that describes their link', () => {
  const faults = all.flatMap((source) =>
    importsOf(source).flatMap(({ line, target }) => {
      const crossed =
        (source.path.startsWith('agent/worker/') && target.startsWith('agent/pilot/')) ||
        (source.path.startsWith('agent/pilot/') && target.startsWith('agent/worker/'))
      return crossed && !isTest(source)
        ? `${source.path}:${line}: imports ${target}; put the message into agent/link.ts`
        : []
    }),
  )
  none(faults)
})

test('imports of our own files carry .ts, and there are no barrels', () => {
  const faults = all
    .filter((source) => !assembly(source))
    .flatMap((source) => [
      ...importsOf(source).flatMap(({ line, specifier }) =>
        /^(\.|#wire|#router)/.test(specifier) && !/\.(ts|json|wasm)$/.test(specifier)
          ? `${source.path}:${line}: ${specifier} lacks its .ts`
          : [],
      ),
      ...(/\/index\.ts$/.test(source.path)
        ? [`${source.path}: no barrels; import the file that has it`]
        : []),
      ...source.lines.flatMap((text, n) =>
        /^export \* from/.test(text)
          ? `${source.path}:${n + 1}: no barrels; import from where it lives`
          : [],
      ),
    ])
  none(faults)
})

const impure: readonly [RegExp, string][] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\./, 'take `now` as an argument'],
  [/\bMath\.random\(|\bgetRandomValues\(|\brandomUUID\(/, 'take the random value as an argument'],
  [/\bsetTimeout\(|\bsetInterval\(|\bfetch\(/, 'I/O and timers belong to the runtime'],
  [/\bprocess\./, 'only entry points read the environment'],
]

/** Pure too: the same values as its neighbour without `-node`, which `package.json` takes elsewhere. */
const isChosenForNode = (source: Source) => source.path === 'wire/sha256-node.ts'

test('pure folders have no node:, clock, random or I/O', () => {
  const pure = all.filter(
    (source) => /^(wire|router-wasm|control\/domain)\//.test(source.path) && !isTest(source),
  )
  const faults = pure.flatMap((source) => [
    ...importsOf(source).flatMap(({ line, specifier }) =>
      specifier.startsWith('node:') && !isChosenForNode(source)
        ? `${source.path}:${line}: imports ${specifier} in a pure folder; pass the value in`
        : [],
    ),
    ...codeLines(source).flatMap((text, n) =>
      impure.flatMap(([pattern, instead]) =>
        pattern.test(text) ? `${source.path}:${n + 1}: ${text.trim()}; ${instead}` : [],
      ),
    ),
  ])
  none(faults)
})

const runtimes = ['control/node/', 'control/workers/']
/** What runs control on Node or on Workers. `control/main.ts` is the entry under Node. */
const runtimeOf = (path: string) =>
  path === 'control/main.ts'
    ? 'control/node/'
    : runtimes.find((runtime) => path.startsWith(runtime))
const isForTests = (source: Source) =>
  isTest(source) || /[-.](under-test|fixture)\.ts$|\/golden\//.test(source.path)

test("control's core is on Web standards, and its runtimes do not know each other", () => {
  const control = all.filter((source) => source.path.startsWith('control/') && !isForTests(source))
  const faults = control.flatMap((source) => {
    const own = runtimeOf(source.path)
    return [
      ...importsOf(source).flatMap(({ line, specifier, target }) => {
        const place = `${source.path}:${line}: imports ${specifier}`
        const other = runtimeOf(target)
        if (other && other !== own) return `${place}; let ${other} pass it in`
        if (specifier.startsWith('node:') && own !== 'control/node/') {
          return `${place}; make it a port, and let control/node/ pass it in`
        }
        if (specifier.startsWith('cloudflare:') && own !== 'control/workers/') {
          return `${place}; make it a port, and let control/workers/ pass it in`
        }
        return []
      }),
      ...codeLines(source).flatMap((text, n) =>
        own === undefined && /\bprocess\.|\bBuffer\b|\b__dirname\b|\bimport\.meta\b/.test(text)
          ? `${source.path}:${n + 1}: ${text.trim()}; Node's own: control/node/ passes it in`
          : [],
      ),
    ]
  })
  none(faults)
})

const linesMax = 400
/** Tests and tables of cases are lists: one entry after another, nothing to follow. */
const listLinesMax = { '.test.ts': 500, '.cases.ts': 900 }

test('files stay small', () => {
  const faults = all
    .filter((source) => {
      const list = Object.entries(listLinesMax).find(([end]) => source.path.endsWith(end))
      return source.lines.length - 1 > (list?.[1] ?? linesMax)
    })
    .map((source) => `${source.path}: ${source.lines.length - 1} lines; split before ${linesMax}`)
  none(faults)
  const sizes = all.map((source) => source.lines.length - 1).sort((a, b) => a - b)
  expect(sizes[Math.floor(sizes.length / 2)], 'median lines of a file').toBeLessThanOrEqual(130)
})

const banned: readonly [RegExp, string][] = [
  [/^\s*(export\s+)?(const\s+)?enum\s/, 'use a union of string literals'],
  [/^\s*(export\s+)?(declare\s+)?namespace\s/, 'use a module'],
  [/^\s*export\s+default\b/, 'export by name'],
  [/constructor\([^)]*\b(private|public|protected|readonly)\s/, 'assign fields in the body'],
  [/@ts-(ignore|expect-error|nocheck)/, 'fix the type'],
]

test('banned constructs are not used', () => {
  const faults = all
    .filter((source) => !assembly(source))
    .flatMap((source) =>
      codeLines(source).flatMap((text, n) =>
        banned.flatMap(([pattern, instead]) =>
          pattern.test(text) ? `${source.path}:${n + 1}: ${text.trim()}; ${instead}` : [],
        ),
      ),
    )
  none(faults)
})

test('file names are kebab-case nouns', () => {
  const faults = all.flatMap(({ path }) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|cases|fuzz|fixture))?\.ts$/.test(name)) {
      return `${path}: name it in-kebab-case.ts`
    }
    return /(^|[-/])(utils?|helpers?|manager|common|misc)[-.]/.test(name)
      ? `${path}: name it after what it holds`
      : []
  })
  none(faults)
})

test('a file starts by saying what it is', () => {
  const faults = all
    .filter((source) => !isTest(source) && !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(source.text))
    .map((source) => `${source.path}: begin with a short paragraph: what it is and why it exists`)
  none(faults)
})

/** Word to avoid → the word of the glossary. Lower-case and whole, so that names of products pass. */
const avoided: Readonly<Record<string, string>> = {
  rollout: 'release',
  cutover: 'switch',
  switchover: 'switch',
  'switch-over': 'switch',
  vhost: 'host',
  whitelist: 'allow list',
  blacklist: 'deny list',
  slave: 'agent, replica or copy',
  nack: 'refusal (a nack is a reading of a report)',
  misconfiguration: 'refusal',
  upstreams: 'backends or endpoints',
}

test('the words of the glossary are used', () => {
  // kubectl's own commands keep their names.
  const command = '\\W+(restart|status|undo)\\b'
  const pattern = new RegExp(`\\b(${Object.keys(avoided).join('|')})\\b(?!${command})`)
  const faults = sources(['.ts', '.md']).flatMap((source) => {
    if (source.path === 'test/borders/borders.test.ts' || source.path === 'docs/glossary.md')
      return []
    return source.lines.flatMap((text, n) => {
      const word = pattern.exec(text)?.[1]
      return word ? `${source.path}:${n + 1}: "${word}"; say ${avoided[word]}` : []
    })
  })
  none(faults)
})

test('nothing points outside the project', () => {
  const faults = sources(['.ts', '.md', '.json']).flatMap((source) =>
    source.path === 'test/borders/borders.test.ts'
      ? []
      : source.lines.flatMap((text, n) =>
          /\.\.\/shared\/|(^|[\s'"`(])\/(work|root|home)\//.test(text)
            ? `${source.path}:${n + 1}: ${text.trim()}; say it here or leave it out`
            : [],
        ),
  )
  none(faults)
})
