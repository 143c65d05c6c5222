/** The pure machine with model agents and a clock that runs only while a row waits. */
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { releaseIntent } from '#wire/release.ts'
import { objectsOf } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import type { Answer, Intent } from '../../control/domain/input.ts'
import { releaseView } from '../../control/domain/view/view.ts'
import { createModelAgent, type ModelAgent } from '../simulation/model-agent.ts'
import { createModelControl } from '../simulation/model-control.ts'
import { createRandom } from '../simulation/random.ts'
import { agents as agentNames, type Outcome, type Refused, type SwitchWorld } from './world.ts'

const stepMs = 50
/** Of the model's clock: longer than any deadline in the rows. */
const patienceMs = 60_000
const clusterOf = (agent: string) => agent.slice(0, 4)

export function createPureWorld(): SwitchWorld {
  const app = 'shop'
  const random = createRandom(1)
  const newest = new Map<string, Publication>()
  const agents = new Map<string, ModelAgent>()
  const silent = new Set<string>()
  const dead = new Set<string>()
  const control = createModelControl((cluster, publication) => newest.set(cluster, publication))
  let now = 1_000_000

  const answered = (intent: Intent, more = {}): Answer => {
    const answer = control.ask(intent, now, more)
    pump()
    return answer
  }
  const enrol = (cluster: string, agent: string) => {
    const [publicKey, tokenHash] = ['k'.repeat(43), digestOf(agent)]
    control.ask({ type: 'enrol-agent', cluster, agent, publicKey, tokenHash }, now)
    agents.set(agent, createModelAgent({ cluster, agent }, random))
  }

  /** Delivers, settles and reports until nothing moves. */
  function pump(): void {
    for (let round = 0; round < 12; round++) {
      const before = control.state().position
      for (const agent of agents.values()) {
        if (silent.has(agent.agent)) continue
        const publication = newest.get(agent.cluster)
        if (publication) agent.hear(publication, now)
        agent.settle(now)
        startCopies(agent)
        const report = agent.report(now)
        if (report) control.report(report, now)
      }
      if (round > 1 && control.state().position === before) return
    }
  }

  function startCopies(agent: ModelAgent): void {
    const tree = newest.get(agent.cluster)?.tree
    for (const object of tree ? objectsOf(tree) : []) {
      if (object.kind !== 'workload') continue
      const alive = !dead.has(`${object.release} ${agent.cluster}`)
      agent.setReady(object.release, alive ? object.copies : 0)
    }
  }

  function pass(): void {
    const due = control.alarmAt(now)
    now += stepMs
    if (due !== null && due <= now) control.alarm(now)
    pump()
  }

  const refusal = (answer: Answer): Refused | null =>
    answer.ok ? null : { evidence: {}, ...answer.rejection, detail: answer.rejection.detail }
  const outcome = (answer: Answer): Outcome =>
    answer.ok
      ? { view: answer.body as never, repeated: answer.repeated }
      : { refused: refusal(answer)! }
  const view = async (release: string) => {
    pump()
    const found = releaseView(control.state(), control.fleet(), release, now)
    if (!found) throw new Error(`no release ${release}`)
    return found
  }
  const agentOf = (agent: string) => agents.get(agent)!
  const body = (changes = {}) =>
    appIntent.parse({
      clusters: ['eu-1', 'us-1'],
      hosts: ['shop.example'],
      platform: { type: 'local', program: 'shop' },
      ...changes,
    })

  const clusters = ['eu-1', 'us-1'].map((name) => ({ name, enrolmentTokenHash: digestOf(name) }))
  control.ask({ type: 'init', epochId: '0123456789abcdef', clusters, adminTokenHash: null }, now)
  for (const name of agentNames) enrol(clusterOf(name), name)
  answered({ type: 'put-app', app, body: body() })

  return {
    app,
    put: async (changes) => refusal(answered({ type: 'put-app', app, body: body(changes) })),
    deleteApp: async () => refusal(answered({ type: 'delete-app', app })),
    create: async (intent) =>
      outcome(answered({ type: 'create-release', body: releaseIntent.parse({ app, ...intent }) })),
    step: async (step, release, options = {}) =>
      outcome(answered({ type: `${step}-release`, release }, options)),
    view,
    async until(release, holds) {
      for (const end = now + patienceMs; now < end; pass()) {
        const seen = await view(release)
        if (holds(seen)) return seen
      }
      throw new Error(`never: ${JSON.stringify(await view(release), null, 1)}`)
    },
    publicAt: async (agent) => agentOf(agent).publicReleases(app)[0] ?? null,
    silence: async (agent) => void silent.add(agent),
    async wake(agent) {
      silent.delete(agent)
      pump()
    },
    async setCopies(release, agent, ready) {
      const key = `${release} ${clusterOf(agent)}`
      if (ready) dead.delete(key)
      else dead.add(key)
      pump()
    },
    async join(cluster) {
      const agent = `${cluster}-${'xyz'[agents.size - agentNames.length]}`
      enrol(cluster, agent)
      pump()
      return agent
    },
    async forget(agent) {
      silent.add(agent)
      answered({ type: 'forget-agent', cluster: clusterOf(agent), agent })
    },
    async restartControl() {
      control.restart(now)
      pump()
    },
    async open(agent) {
      const release = agentOf(agent).openPublic(app)
      if (!release) throw new Error(`nothing answers at ${agent}`)
      pump()
      return {
        close: async () => {
          agentOf(agent).close(release)
          pump()
        },
      }
    },
    async closing(agent) {
      pass()
      const tree = newest.get(clusterOf(agent))!.tree
      return [...objectsOf(tree)].flatMap((object) =>
        object.kind === 'position' && object.app === app ? (object.close ?? []) : [],
      )
    },
    end: async () => {},
  }
}
