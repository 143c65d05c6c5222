/** Endpoints as people see them: with the pod, node and zone behind each, where the platform knows them. Pure. */
import { type Endpoint, endpointName } from '../../link.ts'
import type { Pod } from '../../platform/platform.ts'

/** By `endpointName`. */
export type Pods = ReadonlyMap<string, Pod>

export interface PlacedEndpoint extends Endpoint {
  readonly pod?: string
  readonly node?: string
  readonly zone?: string
}

export const placed = (endpoints: readonly Endpoint[], pods: Pods): readonly PlacedEndpoint[] =>
  endpoints.map((endpoint) => {
    const pod = pods.get(endpointName(endpoint))
    if (!pod) return endpoint
    const { name, node, zone } = pod
    return { ...endpoint, pod: name, ...(node && { node }), ...(zone && { zone }) }
  })
