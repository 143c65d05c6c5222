/** The demo application as its owner would write it down. */
import { type DemoPlan, demoDeployment } from '../lab/demo-image.ts'

/**
 * The image may be pulled, so that a missing one fails as it does for users; and a busy machine is no reason to
 * take a pod out: only one that is silent for seconds.
 */
export function shopDeployment(plan: DemoPlan, image?: string) {
  const made = demoDeployment(plan)
  const [container] = made.spec.template.spec.containers
  // Longer than anything that the story holds open on a pod.
  made.spec.template.spec.terminationGracePeriodSeconds = 40
  Object.assign(container!, {
    ...(image && { image }),
    imagePullPolicy: 'IfNotPresent',
    // Without it a container gets next to nothing of a busy machine.
    resources: { requests: { cpu: '30m' } },
    readinessProbe: {
      httpGet: { path: '/readyz', port: 'http' },
      ...{ periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 3 },
    },
  })
  return made
}
