/**
 * What others have changed in an object that we have made, by Kubernetes' own record of who set which field
 * (`managedFields`): every field of its spec was ours, so that one which is theirs alone was changed, or added.
 * Fields that are compared by value (`asked.ts`, a Service's selector and port) are left to that. Pure.
 */
import { z } from 'zod'
import type { Deployment, Service } from './kube-object.ts'
import { fieldManager } from './labels.ts'

/** `f:<field>`, `k:{"name":"app"}` of an item of a list, `.` for the thing itself; empty: a leaf. */
interface Fields {
  readonly [key: string]: Fields
}

const fields: z.ZodType<Fields> = z.lazy(() => z.record(z.string(), fields))
const managed = z.array(
  z.looseObject({
    manager: z.string().optional(),
    subresource: z.string().optional(),
    fieldsV1: z.looseObject({ 'f:spec': fields.optional() }).optional(),
  }),
)

const comparedByValue: readonly RegExp[] = [
  /^(replicas|paused|minReadySeconds|progressDeadlineSeconds|selector|ports)\b/,
  /^strategy(\.type|\.rollingUpdate(\.maxSurge|\.maxUnavailable)?)?$/,
  /^template\.spec\.containers\[[^\]]*\]\.image$/,
  // How Kubernetes itself restarts pods.
  /kubectl\.kubernetes\.io\/restartedAt$/,
]
const namedMax = 3

/** In words; null: nothing. `taken`: paths of what they have taken away. */
export function othersWords(
  { metadata }: Deployment | Service,
  taken: readonly string[],
): string | null {
  const entries = managed.safeParse(metadata.managedFields).data ?? []
  const specOf = (isOurs: boolean) =>
    entries.filter(
      ({ manager, subresource }) =>
        (manager === fieldManager) === isOurs && subresource === undefined,
    )
  const ours = specOf(true).map(({ fieldsV1 }) => fieldsV1?.['f:spec'] ?? {})
  const theirs = specOf(false).flatMap(({ manager = 'unknown', fieldsV1 }) =>
    missing(fieldsV1?.['f:spec'] ?? {}, ours, '')
      .filter((field) => !comparedByValue.some((pattern) => pattern.test(field)))
      .map((field) => `${field} (by ${manager})`),
  )
  const all = [...theirs, ...taken.map((field) => `${field} (taken away)`)]
  if (all.length === 0) return null
  const more = all.length > namedMax ? ` and ${all.length - namedMax} more` : ''
  return `${all.slice(0, namedMax).join(', ')}${more}`
}

/** Paths in `theirs` that are in none of `ours`: of an item that was added to a list, only its own. */
function missing(theirs: Fields, ours: readonly Fields[], path: string): string[] {
  return Object.entries(theirs).flatMap(([key, inner]) => {
    if (key === '.') return []
    const own = ours.flatMap((one) => one[key] ?? [])
    const at = `${path}${stepOf(key, path)}`
    const isItem = '.' in inner && !key.startsWith('f:')
    const isWhole = isItem || Object.keys(inner).every((one) => one === '.')
    return own.length === 0 && isWhole ? [at] : missing(inner, own, at)
  })
}

/** `f:spec` → `.spec`, `k:{"name":"app"}` → `[app]`, `v:"x"` → `[x]` */
function stepOf(key: string, path: string): string {
  if (key.startsWith('f:')) return `${path === '' ? '' : '.'}${key.slice(2)}`
  const value: unknown = JSON.parse(key.slice(2))
  return `[${typeof value === 'object' ? Object.values(value ?? {}).join(' ') : value}]`
}
