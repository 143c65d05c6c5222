/** The end of a life: whatever is under way is given up or brought to its end, and all stand on one side. */
import type { ReleasePhase } from '#wire/release.ts'
import type { ControlClient } from '../../deploy/local/control-client.ts'
import { until } from '../../deploy/local/until.ts'
import { clusters } from '../simulation/operators.ts'
import type { Stage } from '../stage.ts'
import { ask, type Operators } from './asking.ts'

const ended: readonly ReleasePhase[] = ['live', 'retired', 'aborted', 'decommissioned']
const restMs = 60_000

interface AppShown {
  readonly live: Readonly<Record<string, { readonly weights: Readonly<Record<string, number>> }>>
}

/** Throws when an app does not come to rest, or an agent answers with another version than it shows. */
export async function comeToRest(stage: Stage, operators: Operators, app: string): Promise<void> {
  const { fleet } = stage
  const { client } = fleet
  for (const name of ['sale', 'night']) {
    await ask(operators.alice!, { type: 'lift-freeze', name })
  }
  let refused: string | null = null
  await until(
    `${app} comes to rest`,
    async () => {
      const releases = await client.releases(app)
      const open = releases.filter(({ phase }) => !ended.includes(phase))
      for (const { id } of open) refused = await end(operators.alice!, id)
      const shown = releases.map(({ id, phase, status, rolling }) => ({
        id,
        phase,
        status,
        rolling,
      }))
      return { refused, releases: shown }
    },
    ({ releases }) =>
      releases.every(({ phase, rolling }) => ended.includes(phase) && rolling === null) &&
      releases.every(({ phase, status }) => phase !== 'live' || status === 'live'),
    restMs,
    500,
  )
  const shown = (await client.getApp(app)) as unknown as AppShown
  for (const cluster of clusters) {
    const [release, ...others] = Object.keys(shown.live[cluster]?.weights ?? {})
    if (!release || others.length > 0) {
      throw new Error(`${app} is not on one side in ${cluster}: ${JSON.stringify(shown.live)}`)
    }
    const { version } = await client.getRelease(release)
    for (const agent of fleet.agents.filter((one) => one.cluster === cluster)) {
      const answer = await stage.get(agent.name, app)
      if (answer.status !== 200 || answer.version !== version) {
        throw new Error(`${agent.name} answers ${JSON.stringify(answer)}; ${release} is live there`)
      }
    }
  }
}

/** Given up; or, when there is nothing to give its traffic back to, brought to its end. */
async function end(operator: ControlClient, release: string): Promise<string | null> {
  const refused = await ask(operator, { type: 'abort-release', release })
  if (refused !== 'no-rollback-target') return refused
  await ask(operator, { type: 'resume-release', release })
  const override = { reason: 'the end' }
  return ask(operator, { type: 'promote-release', release, full: true, override })
}
