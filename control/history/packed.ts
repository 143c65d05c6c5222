/**
 * Any value of the fold as JSON texts, and back. It knows no field by name, so that a field which the
 * state gets tomorrow is kept as well; what it cannot keep it refuses. Maps, sets and bytes are tagged,
 * what JSON holds by itself goes through it whole, and big collections become texts of their own, so that
 * writing and reading can pause between them.
 *
 *   { "$": ["plain", json] | ["map" | "maps", [[key, value], …]] | ["set", […]] | ["bytes", base64]
 *        | ["undefined"] | ["text", number] }
 */

/** From here a collection is a text of its own. */
const textCharsMin = 32_768

/** The texts in order; each names only texts before it, and the last one is the value itself. */
export function* packed(value: unknown): Generator<string> {
  let count = 0
  function* pack(held: unknown): Generator<string, string> {
    if (isPlain(held)) {
      return isContainer(held)
        ? yield* apart(`{"$":["plain",${JSON.stringify(held)}]}`)
        : json(held)
    }
    if (held === undefined) return '{"$":["undefined"]}'
    if (held instanceof Uint8Array) return `{"$":["bytes","${base64(held)}"]}`
    if (held instanceof Set) {
      if (!isPlain([...held])) throw new TypeError('a set holds plain values only')
      return yield* apart(`{"$":["set",${JSON.stringify([...held])}]}`)
    }
    if (held instanceof Map) return yield* apart(yield* packMap(held))
    if (Array.isArray(held)) {
      const items: string[] = []
      for (const item of held) items.push(yield* pack(item))
      return yield* apart(`[${items.join(',')}]`)
    }
    if (!isRecord(held) || '$' in held) throw new TypeError(`cannot be kept: ${describe(held)}`)
    const fields: string[] = []
    for (const [name, field] of Object.entries(held)) {
      fields.push(`${JSON.stringify(name)}:${yield* pack(field)}`)
    }
    return yield* apart(`{${fields.join(',')}}`)
  }
  function* packMap(map: ReadonlyMap<unknown, unknown>): Generator<string, string> {
    const entries = [...map]
    if (!entries.every(([key]) => typeof key === 'string')) throw new TypeError('keys are strings')
    if (isPlain(entries)) return `{"$":["map",${JSON.stringify(entries)}]}`
    const packed: string[] = []
    for (const [key, field] of entries) packed.push(`[${json(key)},${yield* pack(field)}]`)
    return `{"$":["maps",[${packed.join(',')}]]}`
  }
  function* apart(text: string): Generator<string, string> {
    if (text.length < textCharsMin) return text
    yield text
    return `{"$":["text",${count++}]}`
  }
  yield yield* pack(value)
}

/** Takes the texts one by one; what the last one gave is the value. */
export function createUnpacker(): (text: string) => unknown {
  const texts: unknown[] = []
  function unpack(held: unknown): unknown {
    if (typeof held !== 'object' || held === null) return held
    if (Array.isArray(held)) return held.map(unpack)
    if (!('$' in held)) {
      for (const [name, field] of Object.entries(held)) {
        if (typeof field === 'object' && field !== null) {
          ;(held as Record<string, unknown>)[name] = unpack(field)
        }
      }
      return held
    }
    const [tag, content] = held.$ as [string, never]
    switch (tag) {
      case 'plain':
        return content
      case 'map':
        return new Map(content as [string, unknown][])
      case 'maps':
        return new Map((content as [string, unknown][]).map(([key, one]) => [key, unpack(one)]))
      case 'set':
        return new Set(content as unknown[])
      case 'bytes':
        return bytesOf(content)
      case 'undefined':
        return undefined
      case 'text':
        return texts[content]
      default:
        throw new TypeError(`an unknown tag: ${tag}`)
    }
  }
  return (text) => {
    const value = unpack(JSON.parse(text))
    texts.push(value)
    return value
  }
}

const json = (value: unknown) => JSON.stringify(value)
const isContainer = (value: unknown) => typeof value === 'object' && value !== null
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** JSON gives back the very same: no `undefined`, no -0, nothing with a class of its own. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      if (value === null) return true
      if (Array.isArray(value)) return value.every(isPlain)
      if (!isRecord(value)) return false
      for (const name in value) if (!isPlain(value[name])) return false
      return true
    default:
      return false
  }
}

const describe = (value: unknown): string =>
  isContainer(value) ? (value!.constructor?.name ?? 'an object without a class') : String(value)

function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function bytesOf(text: string): Uint8Array {
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let n = 0; n < bytes.length; n++) bytes[n] = characters.charCodeAt(n)
  return bytes
}
