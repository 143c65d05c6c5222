/** For tests: a Worker whose objects are nothing but event logs. */
import type { Log } from '../../control/log/log.ts'
import { openObjectLog } from '../../control/workers/object-log.ts'
import type { ObjectNamespace, ObjectState } from '../../control/workers/platform.ts'

export class LogObject {
  readonly #state: ObjectState
  readonly #log: Log
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
      case '/read':
        return Response.json(await this.#log.read(number('position'), number('limit')))
      case '/largest-row':
        return Response.json(
          this.#state.storage.sql
            .exec('SELECT max(length(CAST(text AS BLOB))) AS bytes FROM log')
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
