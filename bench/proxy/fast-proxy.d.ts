/** The part of `fast-proxy` that the benchmark uses; the package brings no types. */
declare module 'fast-proxy' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  function fastProxy(options: { base: string }): {
    proxy(
      request: IncomingMessage,
      response: ServerResponse,
      url: string,
      options: Record<string, unknown>,
    ): void
  }
  export = fastProxy
}
