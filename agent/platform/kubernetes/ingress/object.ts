/**
 * Ingress, IngressClass and Service as the API server gives them (networking.k8s.io/v1, v1): only the fields
 * that routes are made of. The server has validated them; what it does not bound is bounded here.
 */
import { z } from 'zod'
import { isControllerAnnotation } from './annotations.ts'

const text = z.string().max(4_096)
const annotations = z.record(z.string().max(512), z.string().max(262_144)).default({})

/** `null` and left out are the same in what Kubernetes writes. */
const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined)

/** Where clients find it: addresses and names. */
const loadBalancer = z.object({
  ingress: optional(z.array(z.object({ ip: optional(text), hostname: optional(text) }))),
})

const serviceBackend = z.object({
  name: text,
  port: optional(z.object({ name: optional(text), number: optional(z.int()) })),
})

const backend = z.object({
  service: optional(serviceBackend),
  resource: optional(z.object({ kind: text, name: text })),
})

const ingressPath = z.object({
  path: optional(text),
  pathType: z.enum(['Exact', 'Prefix', 'ImplementationSpecific']),
  backend,
})

export const ingressObject = z.object({
  metadata: z.object({
    name: text,
    namespace: text,
    uid: text,
    creationTimestamp: optional(text).transform((at) => at ?? ''),
    annotations: optional(annotations).transform((found) => found ?? {}),
  }),
  spec: z.object({
    ingressClassName: optional(text),
    defaultBackend: optional(backend),
    tls: optional(z.array(z.object({ hosts: optional(z.array(text)) }))),
    rules: optional(
      z.array(
        z.object({
          host: optional(text),
          http: optional(z.object({ paths: z.array(ingressPath) })),
        }),
      ),
    ).transform((rules) => rules ?? []),
  }),
  status: optional(z.object({ loadBalancer: optional(loadBalancer) })),
})

export const ingressClassObject = z.object({
  metadata: z.object({ name: text }),
  spec: optional(z.object({ controller: optional(text) })),
})

export const serviceObject = z.object({
  metadata: z.object({
    name: text,
    namespace: text,
    /** Those of controllers alone: all Services are held. */
    annotations: optional(annotations).transform((found) =>
      Object.fromEntries(
        Object.entries(found ?? {}).filter(([key]) => isControllerAnnotation(key)),
      ),
    ),
  }),
  spec: z.object({
    type: optional(text),
    ports: optional(z.array(z.object({ name: optional(text), port: z.int() }))).transform(
      (ports) => ports ?? [],
    ),
  }),
  status: optional(z.object({ loadBalancer: optional(loadBalancer) })),
})

export type IngressObject = z.infer<typeof ingressObject>
export type IngressClassObject = z.infer<typeof ingressClassObject>
export type ServiceObject = z.infer<typeof serviceObject>
export type LoadBalancer = z.infer<typeof loadBalancer>
export type IngressBackend = z.infer<typeof backend>
