/**
 * `npm run bench:router [-- --rounds 60]`: the matcher against find-my-way, rou3 and the reference. Every
 * answer is compared with the reference before anything is timed; contenders take turns in short rounds;
 * ratios are medians of the ratios within a round. All figures are nanoseconds from a request's bytes to
 * its route, with the offsets of method, path and host known.
 */
import { Command, Option } from 'commander'
import { compileTable } from '#router/compile.ts'
import { explain } from '#router/reference.ts'
import type { RouteObject } from '#wire/object.ts'
import { type Contender, peerContenders, peers } from './router/peers.ts'
import { type Figure, measure, median, ratio } from './router/rounds.ts'
import { selectionContenders } from './router/selection.ts'
import { githubSet, objectsOf, type RouteSet, serviceSet } from './router/sets.ts'
import { buildWasm, createWasmContenders } from './router/wasm.ts'

const { rounds: roundCount } = new Command('npm run bench:router --')
  .description('The WASM matcher against find-my-way, rou3 and the reference.')
  .addOption(
    new Option('--rounds <n>', 'rounds in which all take turns').default(40).argParser(Number),
  )
  .parse()
  .opts<{ rounds: number }>()
const requestCount = 32_768
/** Requests that are also put to the reference with all routes, when these are many. */
const wholeCount = 5

const module = await buildWasm()

interface Outcome {
  readonly figures: readonly Figure[]
  readonly bytesPerRoute: number
}

function run(set: RouteSet): Outcome {
  const objects = objectsOf(set)
  const from = performance.now()
  const compiled = compileTable(objects)
  if (!compiled.ok) throw new Error(compiled.reason)
  const compileMs = Math.round(performance.now() - from)
  const bytesPerRoute = compiled.bytes.length / objects.length
  const { inside, called } = createWasmContenders(module, compiled.bytes, set.requests)
  const pairs = Object.entries(peers).map(([name, create]) =>
    peerContenders(name, create(set.routes), set.requests),
  )
  const contenders = [inside, called, ...pairs.flatMap(({ bytes, strings }) => [bytes, strings])]
  compare(contenders, set, objects)
  const figures = measure(contenders, requestCount, roundCount)
  const perRoute = bytesPerRoute.toFixed(1)
  console.log(
    `\n${set.name}: compiled in ${compileMs} ms, ${perRoute} bytes a route; ` +
      `${requestCount} requests a round, ${roundCount} rounds`,
  )
  console.table([
    ...figures.map((figure) => ({
      router: figure.name,
      ns: round(figure.ns),
      'times the first': round(ratio(figure, figures[0]!)),
    })),
    { router: 'the reference', ns: Math.round(referenceNs(objects, set)), 'times the first': '' },
  ])
  return { figures, bytesPerRoute }
}

/** Throws at the first answer that is not the reference's. */
function compare(contenders: readonly Contender[], set: RouteSet, objects: RouteObject[]): void {
  // Routes with another first segment cannot accept a request: the reference is spared those.
  const first = (path: string) => path.split('/')[1]!
  const byFirst = Map.groupBy(objects, (object) => first(object.matches[0]!.path.value))
  const numbers = new Map(objects.map(({ key }, n) => [key, n]))
  const known = new Map<string, number>()
  set.requests.forEach((request, n) => {
    const text = `${request.method} ${request.path}`
    let expected = known.get(text)
    if (expected === undefined) {
      const some = n < wholeCount ? objects : (byFirst.get(first(request.path)) ?? [])
      const { destination } = explain(some, { ...request, headers: [] })
      expected = destination ? numbers.get(destination.route)! : -1
      known.set(text, expected)
    }
    for (const { name, answer } of contenders) {
      const given = answer(n)
      if (given !== expected) throw new Error(`${text}: ${name} says ${given}, not ${expected}`)
    }
  })
}

function referenceNs(objects: RouteObject[], set: RouteSet): number {
  return median(
    set.requests.slice(0, wholeCount).map((request) => {
      const from = performance.now()
      explain(objects, { ...request, headers: [] })
      return (performance.now() - from) * 1e6
    }),
  )
}

const round = (value: number) => Math.round(value * 100) / 100

const github = run(githubSet(requestCount))
const sets = [serviceSet(100, requestCount), serviceSet(100_000, requestCount)] as const
run(sets[0])
const { bytesPerRoute } = run(sets[1])

// Both sizes by turns and without the peers, whose hundreds of megabytes would empty the caches.
const [small, large] = measure(
  sets.map((set) => {
    const compiled = compileTable(objectsOf(set))
    if (!compiled.ok) throw new Error(compiled.reason)
    return createWasmContenders(module, compiled.bytes, set.requests).inside
  }),
  requestCount,
  roundCount,
) as [Figure, Figure]

const selection = measure(selectionContenders(module, requestCount), requestCount, roundCount)
console.log('\nendpoint selection, release of the slot and both calls from JavaScript included')
console.table(selection.map(({ name, ns }) => ({ endpoints: name, ns: round(ns) })))

const [inside, called, ...others] = github.figures as [Figure, Figure, ...Figure[]]
const best = (form: string, of: Figure) =>
  Math.min(...others.filter(({ name }) => name.endsWith(form)).map((peer) => ratio(peer, of)))
console.log(
  JSON.stringify({
    /** Both from bytes; the WASM called once for each request. */
    ratioToBestPeer: round(best('from bytes', called)),
    ratioToBestPeerInsideWasm: round(best('from bytes', inside)),
    /** The peer has its strings for nothing. */
    ratioToBestPeerFromStrings: round(best('from strings', called)),
    flatness100kTo100: round(ratio(large, small)),
    githubNs: round(inside.ns),
    githubCalledNs: round(called.ns),
    ns100: round(small.ns),
    ns100k: round(large.ns),
    bytesPerRoute: round(bytesPerRoute),
    selectNs256Busy: round(selection.at(-1)!.ns),
  }),
)
