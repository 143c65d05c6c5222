/**
 * Since when is a request answered as it is? Backwards over the revisions at which something changed that
 * can matter to it (routes of its host; position and backends of the app that answers), undoing one after
 * the other until the answer is another one. An answer may flip and flip back, so nothing is skipped that
 * could have changed it; between two of these revisions it cannot change.
 */
import { canonicalHost } from '#router/canonical.ts'
import { explain, type PlainRequest } from '#router/reference.ts'
import { canonicalText } from '#wire/digest.ts'
import { backendKey, positionKey, type RouteObject, type SnapshotObject } from '#wire/object.ts'
import type { Pause } from './pause.ts'
import { objectAt, type SnapshotRow } from './snapshots.ts'
import type { Sql } from './sql.ts'

/**
 * The newest revision at which the answer became what it is at the snapshot; null when it never was
 * another. Only what a client or a backend can notice is the answer: status, route, releases and their
 * weights, target, host and header changes; not the generation, and not the route's rivals.
 */
export async function searchBack(
  sql: Sql,
  { cluster, revision }: SnapshotRow,
  routesNow: readonly RouteObject[],
  request: PlainRequest,
  pause: Pause,
): Promise<number | null> {
  const host = canonicalHost(request.host)
  // A form that is not allowed has one answer, whatever there is.
  if (host === null || explain([], request).status === 400) return null
  const hosts = patternsOf(host)
  const routes = new Map(
    routesNow.filter((route) => hosts.some((one) => route.hosts.includes(one))).map(byKey),
  )
  const accepts = (route: SnapshotObject | null | undefined) =>
    route?.kind === 'route' && explain([route], request).status !== 404
  const touches = createTouches(sql, cluster)
  let at = revision
  let answer = answerAt(sql, cluster, at, routes, request)
  const { text } = answer
  for (;;) {
    const onHost = touches.newest(hosts.map(hostSubject), at)
    const onAnswer = touches.newest(answer.subjects, at)
    const touched = Math.max(onHost, onAnswer)
    if (touched === 0) return null
    let matters = onAnswer === touched
    for (const key of onHost === touched ? touches.keys(hosts.map(hostSubject), touched) : []) {
      const before = objectAt(sql, cluster, key, touched - 1)
      matters ||= accepts(before) || accepts(routes.get(key))
      if (before?.kind === 'route') routes.set(key, before)
      else routes.delete(key)
    }
    at = touched - 1
    if (matters) {
      answer = answerAt(sql, cluster, at, routes, request)
      if (answer.text !== text) return touched
    }
    await pause()
  }
}

const hostSubject = (host: string) => `host/${host}`
const byKey = (route: RouteObject): [string, RouteObject] => [route.key, route]

/** The patterns that cover a host: itself, a wildcard for each of its ends, and `*` alone. */
function patternsOf(host: string): string[] {
  const labels = host.split('.')
  const wildcards = labels.map((_, n) => ['*', ...labels.slice(n + 1)].join('.'))
  return [host, ...wildcards]
}

interface AnswerThen {
  readonly text: string
  /** The position and the backends that it depends on, beside the routes of the host. */
  readonly subjects: readonly string[]
}

function answerAt(
  sql: Sql,
  cluster: string,
  revision: number,
  routes: ReadonlyMap<string, RouteObject>,
  request: PlainRequest,
): AnswerThen {
  const held: SnapshotObject[] = [...routes.values()]
  const route = routes.get(explain(held, request).destination?.route ?? '')
  const subjects: string[] = []
  if (route) {
    if (!route.service) subjects.push(`app/${route.app}`)
    const position = route.service ? null : objectAt(sql, cluster, positionKey(route.app), revision)
    if (position) held.push(position)
    const weights = position?.kind === 'position' ? position.weights : []
    const releases = route.release ? [route.release] : weights.map(({ release }) => release)
    for (const release of releases) {
      subjects.push(`release/${release}`)
      const backend = objectAt(sql, cluster, backendKey(release), revision)
      if (backend) held.push(backend)
    }
  }
  const { status, destination } = explain(held, request)
  const { generation: _, reason: __, ...noticed } = destination ?? { generation: 0, reason: '' }
  return { text: canonicalText({ status, noticed }), subjects }
}

/** Where subjects were touched, looked up once for each stretch between two touches. */
function createTouches(sql: Sql, cluster: string) {
  const newest = new Map<string, number>()
  const newestOf = (subject: string, revision: number): number => {
    const known = newest.get(subject)
    if (known !== undefined && known <= revision) return known
    const [row] = sql.all<{ revision: number }>(
      'SELECT revision FROM touched WHERE cluster = ? AND subject = ? AND revision <= ? ORDER BY revision DESC LIMIT 1',
      cluster,
      subject,
      revision,
    )
    newest.set(subject, row?.revision ?? 0)
    return row?.revision ?? 0
  }
  return {
    /** At or before a revision, which only falls from call to call; 0: never. */
    newest: (subjects: readonly string[], revision: number): number =>
      subjects.reduce((found, subject) => Math.max(found, newestOf(subject, revision)), 0),
    keys: (subjects: readonly string[], revision: number): ReadonlySet<string> =>
      new Set(
        subjects.flatMap((subject) =>
          sql
            .all<{ key: string }>(
              'SELECT key FROM touched WHERE cluster = ? AND subject = ? AND revision = ?',
              cluster,
              subject,
              revision,
            )
            .map(({ key }) => key),
        ),
      ),
  }
}
