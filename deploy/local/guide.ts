/**
 * What `npm start` prints: what runs, where, and commands to paste, in the order of a release. Pure, so
 * that a test can run every command that is shown.
 */
import type { ReleaseView } from '#wire/release.ts'
import type { Fleet } from './fleet.ts'
import { agentsOf } from './ports.ts'
import { app, authority, preview } from './setting.ts'

export interface Command {
  readonly comment: string
  readonly command: string
}

/** The shop's releases, newest first, decide which version and id come next. */
export function commands(fleet: Fleet, releases: readonly ReleaseView[]): Command[] {
  const number = releases.length + 1
  const next = `${app}-r${number}`
  const live = releases.find((release) => release.phase === 'live')
  const cluster = fleet.plan.clusters[0]!
  const [first] = fleet.targets()
  const traffic = `http://127.0.0.1:${first!.port}`
  const host = `-H 'host: ${authority}'`
  const auth = '-H "$AUTH"'
  const json = (value: unknown) => `--json '${JSON.stringify(value)}'`
  const post = (path: string, value: unknown = {}) => `curl -s ${auth} ${json(value)} "$API${path}"`
  const get = (path: string) => `curl -s ${auth} "$API${path}"`
  const release = { app, version: `0.0.${number}`, preview }

  return [
    {
      comment: 'what the public sees',
      command: `curl -s ${host} ${traffic}/`,
    },
    {
      comment: 'where the API is, and the key to it',
      command:
        `export API=${fleet.controlUrl} ` +
        `AUTH="authorization: Bearer $(cat ${fleet.plan.stateFolder}/control/admin.token)"`,
    },
    {
      comment: `start ${release.version} beside it: tried at ${preview.path}, public for nobody; answers when ready`,
      command: post('/v1/releases?wait=active', release),
    },
    {
      comment: 'look at it, and at the preview',
      command: `${get(`/v1/releases/${next}`)}; curl -s ${host} ${traffic}${preview.path}/cart`,
    },
    {
      comment: 'switch all traffic; answers when every agent has acknowledged',
      command: post(`/v1/releases/${next}/promote?wait=active`),
    },
    { comment: 'and back', command: post(`/v1/releases/${next}/rollback?wait=active`) },
    { comment: 'forward again', command: post(`/v1/releases/${next}/promote?wait=active`) },
    ...(live
      ? [
          {
            comment: 'remove the old version, refused while anything is open on it',
            command: post(`/v1/releases/${live.id}/decommission`),
          },
        ]
      : []),
    {
      comment: 'what the agents of a cluster serve, and why a request goes where it goes',
      command:
        `${get(`/v1/clusters/${cluster}/snapshot`)}; ` +
        post(`/v1/clusters/${cluster}/explain`, { method: 'GET', host: authority, path: '/cart' }),
    },
    {
      comment: 'a third agent joins the cluster, in a terminal of its own',
      command: join(fleet, cluster),
    },
    { comment: 'everything that has happened', command: `${get('/v1/events')} --max-time 1` },
  ]
}

/** The agent's command line, with the ports behind those of the agents that run. */
function join({ plan, ports, controlUrl, natsUrl }: Fleet, cluster: string): string {
  const [name] = agentsOf(cluster, plan.agentsPerCluster + 1).slice(-1)
  const platform = ports.platforms[cluster]!
  const listen = platform + plan.agentsPerCluster + 1
  const address = (port: number) => `127.0.0.1:${port}`
  return [
    `npm run agent -- --cluster ${cluster} --name ${name} --workers 1`,
    `--enrol "${controlUrl}/#$(cat ${plan.stateFolder}/control/enrol-${cluster}.token)"`,
    `--state ${plan.stateFolder}/agents/${name} --platform local:http://${address(platform)}`,
    `--listen ${address(listen)} --probe ${address(listen + 20)} --admin ${address(listen + 40)}`,
    ...(natsUrl ? [`--nats ${natsUrl}`] : []),
  ].join(' ')
}
