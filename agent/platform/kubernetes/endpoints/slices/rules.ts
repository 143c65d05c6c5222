/**
 * Which endpoints of a release take traffic, by Kubernetes' own rules (KEP-1669 and KEP-1672,
 * kubernetes#108523, the API reference of EndpointSlice): the ready ones; while there is none, those that
 * terminate and still serve. Pure.
 */
import { endpointName } from '../../../../link.ts'
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'

export interface Conditions {
  readonly ready?: boolean | null | undefined
  readonly serving?: boolean | null | undefined
  readonly terminating?: boolean | null | undefined
}

/** An unset `ready` counts as true, an unset `serving` as `ready`, an unset `terminating` as false. */
export function meaningOf(conditions: Conditions): KnownEndpoint['meaning'] {
  const ready = conditions.ready ?? true
  if (ready) return 'ready'
  return (conditions.serving ?? ready) && (conditions.terminating ?? false) ? 'leaving' : 'out'
}

interface Port {
  readonly name?: string | null | undefined
  readonly protocol?: string | null | undefined
  readonly port?: number | null | undefined
}

/** Of the TCP ports the one named `http`, or the only one. */
export function httpPort<P extends Omit<Port, 'port'>>(ports: readonly P[]): P | null {
  const tcp = ports.filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  const named = tcp.find(({ name }) => name === 'http')
  return named ?? (tcp.length === 1 ? tcp[0]! : null)
}

export const portOf = (ports: readonly Port[]): number | null => httpPort(ports)?.port ?? null

/**
 * What a release's slices give together, by address. While the slices of a Service are rearranged an
 * endpoint may be in two: the newer one's word counts. Two pods may have one address, on a host's network or
 * when one has just ended: the ready one counts. A pod with addresses of both families counts once, by its
 * IPv4 address.
 */
export function servedOf(slices: readonly KnownSlice[]): readonly KnownEndpoint[] {
  const byAddress = new Map<string, KnownEndpoint>()
  const inFour = new Set<string>()
  for (const { family, endpoints } of [...slices].sort((a, b) => a.version - b.version)) {
    for (const endpoint of [...endpoints.filter(isNotReady), ...endpoints.filter(isReady)]) {
      byAddress.set(endpointName(endpoint), endpoint)
      if (family === 'IPv4' && endpoint.pod) inFour.add(endpoint.pod.uid)
    }
  }
  const once = [...byAddress.values()].filter(
    ({ address, pod }) => !(pod && inFour.has(pod.uid) && address.includes(':')),
  )
  const ready = once.filter(isReady)
  const served = ready.length > 0 ? ready : once.filter(({ meaning }) => meaning === 'leaving')
  return served.sort((a, b) =>
    a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port,
  )
}

export const isReady = ({ meaning }: KnownEndpoint): boolean => meaning === 'ready'
const isNotReady = (one: KnownEndpoint): boolean => !isReady(one)
