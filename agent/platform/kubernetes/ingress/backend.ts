/**
 * What annotations say of the pods behind a path: on an Ingress or, which comes first, on the Service that the path
 * leads to (the order of HAProxy's controller). Pure.
 */
import type { LoadBalance, RouteFilters, Timeouts } from '#wire/filter.ts'
import { readLoadBalance } from './load-balance.ts'
import { readTimeout, timeoutFields } from './timeout.ts'

export interface BackendAsked {
  timeouts: Timeouts
  /** Null: as where nothing is said; left out: nothing is said. */
  loadBalance?: LoadBalance | null
}

/** Takes over what one annotation asks for. A text: why it is not done; undefined: it is of another kind. */
export function readBackendAnnotation(
  name: string,
  value: string,
  asked: BackendAsked,
): string | null | undefined {
  if (name === 'load-balance') {
    const read = readLoadBalance(value)
    if (typeof read === 'string') return read
    asked.loadBalance = read
    return null
  }
  const field = Object.hasOwn(timeoutFields, name) ? timeoutFields[name] : undefined
  if (field === undefined) return undefined
  const ms = readTimeout(value)
  if (typeof ms === 'string') return ms
  asked.timeouts[field] = ms
  return null
}

/** `service` comes first, one by one. */
export function backendFilters(ingress: BackendAsked, service: BackendAsked | null): RouteFilters {
  const timeouts = { ...ingress.timeouts, ...service?.timeouts }
  const loadBalance = service?.loadBalance === undefined ? ingress.loadBalance : service.loadBalance
  return {
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
    ...(loadBalance && { loadBalance }),
  }
}
