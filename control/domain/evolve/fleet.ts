/** What events about epochs, clusters, agents and tokens mean. */
import { emptyTree } from '#wire/tree.ts'
import type { Handlers } from '../evolve.ts'
import { type ClusterState, emptyCluster, type State } from '../state.ts'

export const fleetEvents: Handlers<
  | 'epoch-begun'
  | 'format-raised'
  | 'keys-changed'
  | 'cluster-added'
  | 'enrolment-token-replaced'
  | 'token-created'
  | 'token-revoked'
  | 'agent-enrolled'
  | 'agent-forgotten'
> = {
  'epoch-begun': (state, { epoch }, { touched, position }) => {
    touched.allClusters = true
    return { ...state, epoch, epochs: [...state.epochs, { id: epoch.id, since: position }] }
  },
  'format-raised': (state, { format }, { touched }) => {
    touched.allClusters = true
    return { ...state, format }
  },
  /** Every cluster gets a new header, though only its signature may differ: agents prove the new key. */
  'keys-changed': (state, { publicKeys, signing }, { touched, position }) => {
    touched.keys = true
    touched.allClusters = true
    return { ...state, keys: { publicKeys, signing, since: position } }
  },
  'cluster-added': (state, { cluster, enrolmentTokenHash }, { position, touched }) => {
    touched.keys = true
    return withCluster(state, {
      ...emptyCluster(cluster, enrolmentTokenHash),
      revision: position,
      recent: [{ revision: position, digest: emptyTree.root }],
    })
  },

  'enrolment-token-replaced': (state, { cluster, enrolmentTokenHash }) =>
    changedCluster(state, cluster, (held) => ({ ...held, enrolmentTokenHash })),

  'token-created': (state, { type: _, v: _v, ...token }) => ({
    ...state,
    tokens: new Map(state.tokens).set(token.name, token),
  }),
  'token-revoked': (state, { name }) => {
    const tokens = new Map(state.tokens)
    tokens.delete(name)
    return { ...state, tokens }
  },
  'agent-enrolled': (state, { cluster, agent, publicKey, tokenHash }, { at }) =>
    changedCluster(state, cluster, (held) => ({
      ...held,
      agents: new Map(held.agents).set(agent, {
        cluster,
        agent,
        publicKey,
        tokenHash,
        enrolledAtMs: at,
      }),
    })),
  'agent-forgotten': (state, { cluster, agent }) =>
    changedCluster(state, cluster, (held) => {
      const agents = new Map(held.agents)
      agents.delete(agent)
      return { ...held, agents }
    }),
}

const withCluster = (state: State, cluster: ClusterState): State => ({
  ...state,
  clusters: new Map(state.clusters).set(cluster.name, cluster),
})

function changedCluster(
  state: State,
  name: string,
  change: (held: ClusterState) => ClusterState,
): State {
  const held = state.clusters.get(name)
  if (!held) throw new Error(`the log names an unknown cluster "${name}"`)
  return withCluster(state, change(held))
}
