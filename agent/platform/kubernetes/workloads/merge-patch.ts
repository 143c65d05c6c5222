/** The JSON merge patch (RFC 7396) that makes `to` of `from`; lists are replaced as a whole. */
type Json = Readonly<Record<string, unknown>>

export function mergePatch(from: Json, to: Json): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const key of Object.keys(from)) if (to[key] === undefined) patch[key] = null
  for (const [key, value] of Object.entries(to)) {
    const former = from[key]
    if (isRecord(former) && isRecord(value)) {
      const inner = mergePatch(former, value)
      if (Object.keys(inner).length > 0) patch[key] = inner
    } else if (value !== undefined && JSON.stringify(former) !== JSON.stringify(value)) {
      patch[key] = value
    }
  }
  return patch
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
