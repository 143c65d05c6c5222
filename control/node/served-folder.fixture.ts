/** Control on a state folder that a test has filled. */
import type { StateFolder } from './folder.ts'
import { serve } from './serve.ts'

export interface ServedFolder {
  /** The body of a GET by whoever holds the token. */
  get<Body>(path: string): Promise<Body>
  stop(): Promise<void>
}

export async function serveFolder(folder: StateFolder, token: string): Promise<ServedFolder> {
  const { url, stop } = await serve({
    folder,
    listen: { host: '127.0.0.1', port: 0 },
    hosts: [],
    nats: null,
    step: () => {},
    say: () => {},
    onFatal: (error) => {
      throw error
    },
  })
  const headers = { authorization: `Bearer ${token}` }
  return {
    get: async (path) => (await fetch(url + path, { headers })).json(),
    stop,
  }
}
