/**
 * An EndpointSlice of a Service that routes of Ingress objects lead to: the Service's name comes from
 * Kubernetes' own label, and a slice gives endpoints to each of the Service's ports that is asked for. Pure.
 */
import type { KnownSlice, ReadSlice } from './endpoint-slice.ts'
import { parseSlice, serviceNameLabel } from './endpoint-slice.ts'

/** Of a service id, `<namespace>/<service>:<port>`. */
export function partsOf(id: string): { namespace: string; name: string; port: string } {
  const [, namespace = '', name = '', port = ''] = /^([^/]*)\/([^:]*):(.*)$/.exec(id) ?? []
  return { namespace, name, port }
}

/** What a slice gives to each of its Service's ids; nothing when it is of none of them. */
export function readServiceSlice(
  object: unknown,
  idsOf: (namespace: string, name: string) => readonly string[],
): { readonly key: string | null; readonly read: readonly ReadSlice[] } {
  const parsed = parseSlice(object)
  if ('problem' in parsed) return { key: parsed.key, read: [parsed] }
  const { key, labels, namespace } = parsed
  const ids = idsOf(namespace, labels[serviceNameLabel] ?? '')
  const read = ids.map((id): ReadSlice => {
    const port = portOf(parsed.ports, partsOf(id).port)
    if (port === null && parsed.count > 0) {
      const problem = `EndpointSlice ${key}: no TCP port of it is the port ${partsOf(id).port}`
      return { key: sliceKey(key, id), slice: null, problem }
    }
    const slice: KnownSlice = {
      key: sliceKey(key, id),
      namespace,
      release: id,
      cluster: null,
      madeOf: null,
      version: parsed.version,
      family: parsed.family,
      endpoints: parsed.endpointsAt(port),
    }
    return { key: slice.key, slice, problem: null }
  })
  return { key, read }
}

/** The same slice may be known once for each port. */
export const sliceKey = (key: string, id: string): string => `${key} ${id}`

interface Port {
  readonly name?: string | null | undefined
  readonly protocol?: string | null | undefined
  readonly port?: number | null | undefined
}

/**
 * Slices name a Service's ports as the Service does. A port without a name is the only one; by number it is
 * known only where the pods have the same.
 */
export function portOf(ports: readonly Port[], asked: string): number | null {
  const tcp = ports.filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  const named = tcp.find(({ name }) => name === asked)
  if (named) return named.port ?? null
  if (!/^\d+$/.test(asked)) return null
  if (tcp.length === 1) return tcp[0]!.port ?? null
  return tcp.some(({ port }) => port === Number(asked)) ? Number(asked) : null
}
