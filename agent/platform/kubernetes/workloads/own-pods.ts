/**
 * What a pod template says of its own pods, said of those that are made of it: how they spread over nodes and
 * zones, and which they keep away from, goes by labels that they do not have any more. Pure.
 */
import { z } from 'zod'
import { hasTexts, type Texts } from './labels.ts'

const selector = z.looseObject({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z
    .array(
      z.looseObject({
        key: z.string(),
        operator: z.string(),
        values: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
})
type Selector = z.infer<typeof selector>
type Json = Readonly<Record<string, unknown>>

/** `template` and `made`: the labels of the pods that it speaks of, and of those that it shall speak of. */
export function aboutOwnPods<Spec extends Json>(
  spec: Spec,
  template: Texts,
  made: Texts,
  own: Texts,
): Spec {
  const said = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(said)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'labelSelector' ? selectorOf(inner) : said(inner),
      ]),
    )
  }
  const selectorOf = (value: unknown): unknown => {
    const found = selector.safeParse(value).data
    return found && selects(found, template) && !selects(found, made) ? { matchLabels: own } : value
  }
  const { affinity, topologySpreadConstraints } = spec
  return {
    ...spec,
    ...(affinity !== undefined && { affinity: said(affinity) }),
    ...(topologySpreadConstraints !== undefined && {
      topologySpreadConstraints: said(topologySpreadConstraints),
    }),
  }
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
function selects({ matchLabels, matchExpressions }: Selector, labels: Texts): boolean {
  return (
    hasTexts(labels, matchLabels ?? {}) &&
    (matchExpressions ?? []).every(({ key, operator, values }) => {
      const found = labels[key]
      const isIn = found !== undefined && (values ?? []).includes(found)
      switch (operator) {
        case 'In':
          return isIn
        case 'NotIn':
          return !isIn
        case 'Exists':
          return found !== undefined
        default:
          return found === undefined
      }
    })
  )
}
