/** For tests: a Worker whose objects are nothing but event logs. */
import { type ObjectLog, openObjectLog } from '../../control/workers/object-log.ts'
import type { ObjectNamespace, ObjectState } from '../../control/workers/platform.ts'

export class LogObject {
  readonly #state: ObjectState
  readonly #log: ObjectLog
  constructor(state: ObjectState) {
    this.#state = state
    this.#log = openObjectLog(state.storage)
  }
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const number = (name: string) => Number(searchParams.get(name))
    switch (pathname) {
      case '/head':
        return Response.json(await this.#log.head())
      case '/append':
        return Response.json(await this.#log.append(number('expected'), await request.text()))
      case '/append-many':
        for (const [n, text] of ((await request.json()) as string[]).entries()) {
          await this.#log.append(number('expected') + n, text)
        }
        return Response.json(await this.#log.head())
      case '/read':
        return Response.json(await this.#log.read(number('position'), number('limit')))
      case '/compact':
        return Response.json(await this.#log.compact())
      case '/bytes':
        return Response.json(this.#state.storage.sql.databaseSize)
      case '/delete':
        this.#state.storage.sql.exec('DELETE FROM log WHERE id = (SELECT max(id) FROM log)')
        break
      case '/largest-row':
        return Response.json(
          this.#state.storage.sql
            .exec(
              `SELECT max(bytes) AS bytes FROM (SELECT max(length(CAST(text AS BLOB))) AS bytes FROM log
               UNION SELECT max(length(gzip)) FROM log_pages)`,
            )
            .toArray()[0],
        )
      case '/evict':
        this.#state.abort('the object leaves memory')
    }
    return new Response(null, { status: 404 })
  }
}

interface Env {
  readonly LOGS: ObjectNamespace
}

const worker = {
  fetch(request: Request, { LOGS }: Env): Promise<Response> {
    const name = new URL(request.url).searchParams.get('log') ?? ''
    return LOGS.get(LOGS.idFromName(name)).fetch(request)
  },
}

export { worker as default }
