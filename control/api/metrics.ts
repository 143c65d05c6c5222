/** The port to the metrics: the API tells what it saw and shows the text; a runtime supplies them. */
export interface Metrics {
  requestAnswered(request: {
    readonly method: string
    /** The operation's path with its parameters' names, or `unknown`: never a path as it was sent. */
    readonly route: string
    readonly status: number
    readonly seconds: number
  }): void
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}
