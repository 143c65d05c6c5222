/**
 * Which Ingress objects are ours: those whose class is one of the agent's (`switchyard` unless the operator
 * says otherwise), or an IngressClass that names our controller. The old annotation comes before the field,
 * as with every controller that knows both. Pure.
 */
import type { IngressClassObject, IngressObject } from './object.ts'

/** `spec.controller` of an IngressClass that is ours under any name. */
export const ingressController = 'switchyard.dev/ingress-controller'
export const defaultIngressClasses: readonly string[] = ['switchyard']
/** Before `spec.ingressClassName` (Kubernetes 1.18). */
export const classAnnotation = 'kubernetes.io/ingress.class'

/** The name of its class when that is ours; null: it is another controller's, or nobody's. */
export function ourClassOf(
  { metadata, spec }: IngressObject,
  classes: readonly string[],
  known: Iterable<IngressClassObject>,
): string | null {
  const named = metadata.annotations[classAnnotation] ?? spec.ingressClassName
  if (named === undefined) return null
  if (classes.includes(named)) return named
  for (const { metadata: own, spec: of } of known) {
    if (own.name === named && of?.controller === ingressController) return named
  }
  return null
}
