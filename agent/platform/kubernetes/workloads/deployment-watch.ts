/** Says that a Deployment has changed, and nothing else: what is there now is read when it is looked at. */
import { type KubernetesClient, pathOf } from '../api/client.ts'
import { followObjects } from '../api/list-watch.ts'

export const watchDeployments =
  (client: KubernetesClient) =>
  (namespaces: readonly string[], onChange: () => void, signal: AbortSignal): void => {
    for (const namespace of namespaces) {
      const followed = {
        path: pathOf('apis', 'apps', 'v1', 'namespaces', namespace, 'deployments'),
        read: () => null,
        onListed: onChange,
        onChanged: onChange,
        onRemoved: onChange,
        // The look that follows every second or ten says the same, and is not in need of this.
        onTrouble: () => {},
      }
      void followObjects(client, followed, signal)
    }
  }
