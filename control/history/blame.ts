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
  if (host === null) return null
  const hosts = patternsOf(host)
  const routes = new Map(
    routesNow.filter((route) => hosts.some((one) => route.hosts.includes(one))).map(byKey),
  )
  let at = revision
  let answer = answerAt(sql, cluster, at, routes, request)
  const { text } = answer
  for (;;) {
    const subjects = hosts.map((one) => `host/${one}`)
    const touched = [...subjects, ...(answer.app ? [`app/${answer.app}`] : [])]
      .map((subject) => newestTouch(sql, cluster, subject, at))
      .reduce((a, b) => Math.max(a, b), 0)
    if (touched === 0) return null
    for (const key of subjects.flatMap((one) => keysTouched(sql, cluster, one, touched))) {
      const before = objectAt(sql, cluster, key, touched - 1)
      if (before?.kind === 'route') routes.set(key, before)
      else routes.delete(key)
    }
    at = touched - 1
    answer = answerAt(sql, cluster, at, routes, request)
    if (answer.text !== text) return touched
    await pause()
  }
}

const byKey = (route: RouteObject): [string, RouteObject] => [route.key, route]

/** The patterns that cover a host: itself, and a wildcard for each of its ends. */
function patternsOf(host: string): string[] {
  const labels = host.split('.')
  const wildcards = labels.map((_, n) => ['*', ...labels.slice(n + 1)].join('.'))
  return [host, ...wildcards]
}

interface AnswerThen {
  readonly text: string
  /** Whose position and backends it depends on. */
  readonly app: string | null
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
  if (route) {
    const position = objectAt(sql, cluster, positionKey(route.app), revision)
    if (position) held.push(position)
    const weights = position?.kind === 'position' ? position.weights : []
    const releases = route.release ? [route.release] : weights.map(({ release }) => release)
    for (const release of releases) {
      const backend = objectAt(sql, cluster, backendKey(release), revision)
      if (backend) held.push(backend)
    }
  }
  const { status, destination } = explain(held, request)
  const { generation: _, reason: __, ...noticed } = destination ?? { generation: 0, reason: '' }
  const changes = route?.requestHeaders ?? null
  return { text: canonicalText({ status, noticed, changes }), app: route?.app ?? null }
}

const newestTouch = (sql: Sql, cluster: string, subject: string, revision: number): number =>
  sql.all<{ revision: number }>(
    'SELECT revision FROM touched WHERE cluster = ? AND subject = ? AND revision <= ? ORDER BY revision DESC LIMIT 1',
    cluster,
    subject,
    revision,
  )[0]?.revision ?? 0

const keysTouched = (sql: Sql, cluster: string, subject: string, revision: number): string[] =>
  sql
    .all<{ key: string }>(
      'SELECT key FROM touched WHERE cluster = ? AND subject = ? AND revision = ?',
      cluster,
      subject,
      revision,
    )
    .map(({ key }) => key)
