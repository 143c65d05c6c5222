/** What a local platform says is ready now: the first event of its endpoint stream. */
type Endpoints = Readonly<Record<string, readonly { address: string; port: number }[]>>

export async function readyAddresses(platform: string): Promise<Endpoints> {
  const response = await fetch(`${platform}/endpoints`, { signal: AbortSignal.timeout(5_000) })
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const data = /^data: (.*)\n/m.exec(text)?.[1]
    if (data) return (JSON.parse(data) as { endpoints: Endpoints }).endpoints
  }
  throw new Error(`${platform} ended its stream of endpoints`)
}
