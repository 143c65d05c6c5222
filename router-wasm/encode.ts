/**
 * A plan → the bytes of a table (`table-layout.ts` has the diagram). Each section is written behind the
 * ones it points into, so every offset is known when it is written.
 */
import { limits } from '#wire/limits.ts'
import type { Filters } from './filters.ts'
import type { Condition, Plan, PlannedMatch } from './plan.ts'
import { writePolicy } from './policy.ts'
import { checksum, nameHash } from './table-hash.ts'
import { createImage, type Image } from './table-image.ts'
import * as at from './table-layout.ts'
import { writeSlots } from './table-slots.ts'

/** The bytes, or null when they would be more than `limits.tableBytes`. */
export function encodeTable(plan: Plan): Uint8Array<ArrayBuffer> | null {
  const image = createImage(limits.tableBytes)
  image.reserve(at.TABLE_HEADER_BYTES)
  const sections = writeSections(image, plan)
  for (const [offset, value] of sections) image.set(offset, value)
  image.reserve(at.TABLE_TAIL_BYTES)
  const bytes = image.bytes()
  if (bytes === null) return null
  const view = new DataView(bytes.buffer)
  view.setInt32(at.TABLE_MAGIC_AT, at.TABLE_MAGIC, true)
  view.setInt32(at.TABLE_FORMAT_AT, at.TABLE_FORMAT, true)
  view.setInt32(at.TABLE_BYTES, bytes.length, true)
  view.setUint32(at.TABLE_CHECKSUM, checksum(view), true)
  return bytes
}

const noLinks: ReadonlySet<string> = new Set()

function writeSections(image: Image, plan: Plan): Map<number, number> {
  const words = new Map<number, number>()
  const methods = plan.methods.map(image.text)
  const apps = plan.apps.map(image.text)
  const backends = plan.backends.map(image.text)
  for (const { filters } of plan.routes) if (filters) internFilters(image, filters)
  const shared = new Set<readonly Condition[]>()
  for (const node of plan.nodes) {
    for (const { conditions } of [...node.exact, ...node.prefix])
      if (conditions.length) shared.add(conditions)
  }
  for (const conditions of shared) {
    for (const { name, value } of conditions) {
      image.text(name)
      image.text(value)
    }
  }

  image.align(4)
  const conditions = once<readonly Condition[]>((list) => writeConditions(image, list))
  for (const list of shared) conditions(list)
  const filters = once<Filters>((value) => writeFilters(image, value))
  for (const route of plan.routes) if (route.filters) filters(route.filters)

  words.set(at.TABLE_METHODS, image.at())
  words.set(at.TABLE_METHOD_COUNT, methods.length)
  plan.methods.forEach((method, n) => {
    for (const start of [0, 4]) image.word(littleEndian(method.slice(start, start + 4)))
    image.words(methods[n]!, method.length)
  })
  const writeNames = (offsets: readonly number[], names: readonly string[], more = noLinks) => {
    const start = image.at()
    names.forEach((name, n) => {
      image.words(offsets[n]!, name.length | (more.has(name) ? at.NAME_LINKS : 0))
    })
    return start
  }
  words.set(at.TABLE_APPS, writeNames(apps, plan.apps))
  words.set(at.TABLE_APP_COUNT, apps.length)
  words.set(at.TABLE_BACKENDS, writeNames(backends, plan.backends, plan.linked))
  words.set(at.TABLE_BACKEND_COUNT, backends.length)
  words.set(at.TABLE_ROUTES, image.at())
  words.set(at.TABLE_ROUTE_COUNT, plan.routes.length)
  for (const route of plan.routes) {
    image.words(route.app, route.backend, route.filters ? filters(route.filters) : 0)
  }

  const hostOffsets = writeHosts(image, plan)
  const methodNumbers = new Map(plan.methods.map((method, n) => [method, n + 1]))
  const nodeOffsets = plan.nodes.map((node) => {
    image.align(2 ** at.NODE_ALIGN_BITS)
    const offset = image.at()
    image.word(hostOffsets.get(node.host)!)
    image.word(node.path.length | (node.exact.length << 16) | (node.prefix.length << 24))
    image.raw(node.path)
    image.align(4)
    for (const match of node.exact) writeMatch(image, match, methodNumbers, conditions)
    for (const match of node.prefix) writeMatch(image, match, methodNumbers, conditions)
    return offset
  })

  let depthMax = 0
  let pathBytesMax = 0
  for (const { path } of plan.nodes) {
    depthMax = Math.max(depthMax, depthOf(path))
    pathBytesMax = Math.max(pathBytesMax, path.length)
  }
  words.set(at.TABLE_DEPTH_MAX, depthMax)
  words.set(at.TABLE_PATH_BYTES_MAX, pathBytesMax)
  const [low, high] = bits(plan.hosts.filter((host) => host.startsWith('.')).map(labelCount))
  words.set(at.TABLE_WILDCARDS, low)
  words.set(at.TABLE_WILDCARDS + 4, high)
  for (const [word, value] of writeSlots(image, plan, hostOffsets, nodeOffsets)) {
    words.set(word, value)
  }
  return words
}

/** Segments of a path: its slashes. */
function depthOf(path: string): number {
  let depth = 0
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++
  return depth
}
/** Of a wildcard; `.` covers every host and has none. */
const labelCount = (suffix: string): number => (suffix === '.' ? 0 : suffix.split('.').length - 1)

function internFilters(image: Image, { path, host, changes }: Filters): void {
  image.text(path)
  image.text(host)
  for (const { name, value } of changes) {
    image.text(name)
    image.text(value)
  }
}

function writeConditions(image: Image, conditions: readonly Condition[]): number {
  const start = image.at()
  for (const { name, value, cookie } of conditions) {
    const nameBytes = name.length | (cookie ? at.CONDITION_COOKIE : 0)
    const hash = cookie ? 0 : nameHash(name)
    image.words(hash, image.text(name), nameBytes, image.text(value), value.length)
  }
  return start
}

function writeFilters(image: Image, { pathKind, path, host, changes, policy }: Filters): number {
  const start = image.at()
  const flags = policy ? at.FILTERS_HAS_POLICY : 0
  image.words(
    pathKind | (flags << 16),
    image.text(path),
    path.length,
    image.text(host),
    host.length,
  )
  image.word(changes.length)
  for (const { kind, name, value } of changes) {
    image.words(kind, image.text(name), name.length, image.text(value), value.length)
  }
  if (policy) writePolicy(image, policy)
  return start
}

function writeMatch(
  image: Image,
  match: PlannedMatch,
  methods: ReadonlyMap<string, number>,
  conditions: (list: readonly Condition[]) => number,
): void {
  const count = match.conditions.length
  const method = methods.get(match.method) ?? 0
  image.words(match.route, count ? conditions(match.conditions) : 0, method | (count << 8))
}

/** Each host with the depths that occur below it. */
function writeHosts(image: Image, plan: Plan): Map<string, number> {
  const depths = new Map<string, { prefix: number[]; all: number[] }>(
    plan.hosts.map((host) => [host, { prefix: [], all: [] }]),
  )
  for (const node of plan.nodes) {
    const { prefix, all } = depths.get(node.host)!
    const depth = depthOf(node.path)
    all.push(depth)
    if (node.prefix.length) prefix.push(depth)
  }
  const offsets = new Map<string, number>()
  for (const [host, { prefix, all }] of depths) {
    offsets.set(host, image.at())
    image.words(...bits(prefix), ...bits(all), host.length)
    image.raw(host)
    image.align(4)
  }
  return offsets
}

/** Two words with a bit for each number; bit 63 stands for 63 and more. */
function bits(numbers: readonly number[]): [low: number, high: number] {
  let low = 0
  let high = 0
  for (const number of numbers) {
    if (number < 32) low |= 1 << number
    else high |= 1 << (Math.min(number, 63) - 32)
  }
  return [low, high]
}

const littleEndian = (text: string): number =>
  [...text].reduce((word, char, n) => word | (char.charCodeAt(0) << (n * 8)), 0)

/** Remembers by content what a value was written as. */
function once<Value>(write: (value: Value) => number): (value: Value) => number {
  const byValue = new Map<Value, number>()
  const byContent = new Map<string, number>()
  return (value) => {
    let offset = byValue.get(value)
    if (offset !== undefined) return offset
    const content = JSON.stringify(value)
    offset = byContent.get(content) ?? write(value)
    byContent.set(content, offset)
    byValue.set(value, offset)
    return offset
  }
}
