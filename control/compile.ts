/**
 * Whether agents could compile a cluster's next snapshot (P5), asked before anything is appended, with
 * their own compiler. Only routes on the hosts of changed routes are compiled, because nothing else can be
 * at fault: 1 ms instead of 400 ms with 100,000 routes. What all routes share (the table's size, the number
 * of apps, releases and methods) is counted along, and the whole is compiled once a count comes near.
 */
import { compileTable } from '#router/compile.ts'
import { APP_COUNT_MAX, BACKEND_COUNT_MAX } from '#router/layout.ts'
import { appInTable } from '#router/plan.ts'
import { METHOD_COUNT_MAX } from '#router/table-layout.ts'
import { limits } from '#wire/limits.ts'
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import { difference, find, objectsOf, type Tree } from '#wire/tree.ts'
import type { Compile, CompileFault } from './domain/decide.ts'

/** What a tree's objects add up to. Follows the trees of one cluster by their changes. */
interface Sum {
  tree: Tree
  readonly routesByHost: Map<string, Map<string, RouteObject>>
  readonly apps: Map<string, number>
  readonly methods: Map<string, number>
  backendCount: number
  /** More than the table will take. */
  bytes: number
}

interface Step {
  readonly to: Tree
  readonly removed: readonly SnapshotObject[]
  readonly added: readonly SnapshotObject[]
}

export function createCompile(): Compile {
  const sums = new Map<string, { sum: Sum; next: Step | null }>()
  return (cluster, after, before) => {
    const held = sums.get(cluster)
    if (held?.next?.to === before) apply(held.sum, held.next)
    const sum = held?.sum.tree === before ? held.sum : sumOf(before)
    const step = stepBetween(before, after)
    sums.set(cluster, { sum, next: step })
    return faultOf(sum, step, after)
  }
}

function faultOf(sum: Sum, step: Step, after: Tree): CompileFault | null {
  const isNear =
    sum.bytes + bytesOf(step.added) > limits.tableBytes / 2 ||
    sum.apps.size + step.added.length > APP_COUNT_MAX / 2 ||
    sum.backendCount + step.added.length > BACKEND_COUNT_MAX / 2 ||
    sum.methods.size + step.added.length > METHOD_COUNT_MAX / 2
  if (step.added.every((object) => object.kind !== 'route') && !isNear) return null
  const compiled = compileTable(isNear ? objectsOf(after) : neighbours(sum, step))
  if (compiled.ok) return null
  return { code: compiled.code, object: compiled.key, reason: compiled.reason }
}

/** The routes of the next tree that share a host with one that changes. */
function neighbours(sum: Sum, step: Step): SnapshotObject[] {
  const added = step.added.filter((object) => object.kind === 'route')
  const gone = new Set(step.removed.map((object) => object.key))
  const found = new Map<string, SnapshotObject>(added.map((route) => [route.key, route]))
  for (const host of new Set(added.flatMap((route) => route.hosts))) {
    for (const [key, route] of sum.routesByHost.get(host) ?? []) {
      if (!gone.has(key) && !found.has(key)) found.set(key, route)
    }
  }
  return [...found.values()]
}

function stepBetween(before: Tree, after: Tree): Step {
  const { put, remove } = difference(before, after)
  const removed = [...put.map((object) => object.key), ...remove].flatMap(
    (key) => find(before, key) ?? [],
  )
  return { to: after, removed, added: put }
}

function sumOf(tree: Tree): Sum {
  const sum: Sum = {
    tree,
    routesByHost: new Map(),
    apps: new Map(),
    methods: new Map(),
    backendCount: 0,
    bytes: 0,
  }
  apply(sum, { to: tree, removed: [], added: [...objectsOf(tree)] })
  return sum
}

function apply(sum: Sum, step: Step): void {
  for (const object of step.removed) count(sum, object, -1)
  for (const object of step.added) count(sum, object, 1)
  sum.tree = step.to
}

function count(sum: Sum, object: SnapshotObject, sign: 1 | -1): void {
  // A Service is counted for each of its routes: more than the table will take.
  if (object.kind === 'backend' || (object.kind === 'route' && object.service)) {
    sum.backendCount += sign
  }
  if (object.kind !== 'route') return
  sum.bytes += sign * routeBytes(object)
  add(sum.apps, appInTable(object), sign)
  for (const { method } of object.matches) if (method) add(sum.methods, method, sign)
  for (const host of object.hosts) {
    const routes = sum.routesByHost.get(host) ?? new Map<string, RouteObject>()
    if (sign === 1) routes.set(object.key, object)
    else routes.delete(object.key)
    if (routes.size > 0) sum.routesByHost.set(host, routes)
    else sum.routesByHost.delete(host)
  }
}

function add(counts: Map<string, number>, name: string, sign: number): void {
  const next = (counts.get(name) ?? 0) + sign
  if (next > 0) counts.set(name, next)
  else counts.delete(name)
}

const bytesOf = (objects: readonly SnapshotObject[]): number =>
  objects.reduce((sum, object) => sum + (object.kind === 'route' ? routeBytes(object) : 0), 0)

/** Every host meets every match; a node with one match takes less than 128 bytes beside its text. */
const routeBytes = (route: RouteObject): number =>
  route.hosts.length * route.matches.length * 128 + JSON.stringify(route).length
