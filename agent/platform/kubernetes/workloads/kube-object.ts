/**
 * The objects of Kubernetes as far as they are read here: parsed once, everything else kept as it is, so
 * that a pod template goes from one Deployment into another without loss.
 */
import { z } from 'zod'

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {})

const metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().optional(),
  creationTimestamp: z.string().optional(),
  labels: texts,
  annotations: texts,
  deletionTimestamp: z.unknown().optional(),
  ownerReferences: z.array(z.looseObject({ uid: z.string() })).optional(),
  managedFields: z.unknown().optional(),
})

const container = z.looseObject({ name: z.string(), image: z.string().optional() })

export const podTemplate = z.looseObject({
  metadata: z
    .looseObject({ labels: texts })
    .nullish()
    .transform((value) => value ?? { labels: {} }),
  spec: z.looseObject({ containers: z.array(container).min(1) }),
})

const intOrPercent = z.union([z.int(), z.string()])

const condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
})

export const deployment = z.looseObject({
  metadata,
  spec: z.looseObject({
    replicas: z.int().default(1),
    selector: z.looseObject({
      matchLabels: texts,
      matchExpressions: z.array(z.unknown()).nullish(),
    }),
    template: podTemplate,
    strategy: z
      .looseObject({
        type: z.string().optional(),
        rollingUpdate: z
          .looseObject({
            maxSurge: intOrPercent.optional(),
            maxUnavailable: intOrPercent.optional(),
          })
          .nullish(),
      })
      .optional(),
    minReadySeconds: z.int().optional(),
    progressDeadlineSeconds: z.int().optional(),
    paused: z.boolean().optional(),
  }),
  status: z
    .looseObject({
      observedGeneration: z.number().optional(),
      replicas: z.int().optional(),
      readyReplicas: z.int().optional(),
      availableReplicas: z.int().optional(),
      updatedReplicas: z.int().optional(),
      conditions: z.array(condition).optional(),
    })
    .optional(),
})

export const replicaSet = z.looseObject({
  metadata,
  spec: z.looseObject({ replicas: z.int().default(0), template: podTemplate }),
  status: z
    .looseObject({
      replicas: z.int().optional(),
      readyReplicas: z.int().optional(),
      availableReplicas: z.int().optional(),
    })
    .optional(),
})

export const service = z.looseObject({
  metadata,
  spec: z.looseObject({
    type: z.string().optional(),
    selector: texts,
    ports: z
      .array(
        z.looseObject({
          name: z.string().optional(),
          port: z.int(),
          targetPort: z.union([z.int(), z.string()]).optional(),
        }),
      )
      .nullish(),
  }),
})

export const autoscaler = z.looseObject({
  metadata,
  spec: z.looseObject({ scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }) }),
})

export const namespace = z.looseObject({ metadata })

const containerStatus = z.looseObject({
  name: z.string(),
  ready: z.boolean().optional(),
  restartCount: z.int().optional(),
  state: z
    .looseObject({
      waiting: z
        .looseObject({ reason: z.string().optional(), message: z.string().optional() })
        .optional(),
      running: z.unknown().optional(),
    })
    .optional(),
  lastState: z
    .looseObject({
      terminated: z
        .looseObject({ reason: z.string().optional(), exitCode: z.int().optional() })
        .optional(),
    })
    .optional(),
})

export const pod = z.looseObject({
  metadata,
  status: z
    .looseObject({
      phase: z.string().optional(),
      conditions: z.array(condition).optional(),
      initContainerStatuses: z.array(containerStatus).optional(),
      containerStatuses: z.array(containerStatus).optional(),
    })
    .optional(),
})

export const lease = z.looseObject({
  metadata,
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseTransitions: z.int().nullish(),
      renewTime: z.unknown().optional(),
    })
    .optional(),
})

export type PodTemplate = z.infer<typeof podTemplate>
export type Deployment = z.infer<typeof deployment>
export type ReplicaSet = z.infer<typeof replicaSet>
export type Service = z.infer<typeof service>
export type Autoscaler = z.infer<typeof autoscaler>
export type Namespace = z.infer<typeof namespace>
export type Pod = z.infer<typeof pod>
export type Lease = z.infer<typeof lease>
