/**
 * The `static` platform: a JSON file of addresses, `{ "<app>": { "<version>": ["127.0.0.1:9001"] } }`.
 * The file is looked at twice a second (a watch misses files that are renamed over); while it is wrong,
 * the last good one stays, and the pilot says so.
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import { appName, version } from '#wire/names.ts'
import type { TroubleReport } from '#wire/report.ts'
import { addressFlag } from '../flags.ts'
import type { Endpoint, Endpoints } from '../link.ts'
import type { Backend, Platform, PlatformListener } from './platform.ts'

const lookEveryMs = 500
const fileBytesMax = 4_194_304

const address = z.string().transform((text, context): Endpoint => {
  try {
    const { host, port } = addressFlag(text)
    if (isIP(host) !== 0) return { address: host, port }
  } catch {
    // Said below, for every way to be wrong.
  }
  context.issues.push({
    code: 'custom',
    input: text,
    message: 'write an IP address and a port: "127.0.0.1:9001" or "[::1]:9001"',
  })
  return z.NEVER
})

const addressFile = z.record(
  appName,
  z.record(version, z.array(address).max(limits.staticAddressesPerRelease)),
)
type AddressFile = z.infer<typeof addressFile>

export function createStaticPlatform(file: string, everyMs = lookEveryMs): Platform {
  let listener: PlatformListener | null = null
  let timer: NodeJS.Timeout | null = null
  let seen: string | null = null
  let addresses: AddressFile | null = null
  /** Null: not known yet; what workers have from before stays. */
  let backends: readonly Backend[] | null = null

  function look(): void {
    let text = ''
    try {
      text = readFileSync(file, 'utf8')
      if (text.length > fileBytesMax) throw new Error(`it is longer than ${fileBytesMax} bytes`)
      if (text === seen) return
      seen = text
      addresses = addressFile.parse(JSON.parse(text))
      tell()
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
      const mark = text || reason
      if (mark === seen && text === '') return
      seen = mark
      listener?.onTrouble(`${file} is kept as it was: ${reason}`)
    }
  }

  function tell(): void {
    if (!addresses || !backends) return
    const endpoints = endpointsOf(addresses, backends)
    listener?.onEndpoints(endpoints)
    const bare = backends.filter(({ release }) => endpoints[release]?.length === 0)
    listener?.onTroubles(bare.slice(0, limits.troublesPerReport).map(withoutAddress))
  }

  return {
    follow(next) {
      listener = next
      look()
      timer = setInterval(look, everyMs)
    },
    setBackends(next) {
      backends = next.filter((backend) => backend.platform === 'static')
      tell()
    },
    workloads: null,
    async close() {
      if (timer) clearInterval(timer)
    },
  }
}

/** Without the file's path, so that all agents of a cluster say the same. */
const withoutAddress = ({ app, release, version }: Backend): TroubleReport => ({
  release,
  message: `the list of addresses has none of ${app} ${version}: add them to the file`,
})

const endpointsOf = (addresses: AddressFile, backends: readonly Backend[]): Endpoints =>
  Object.fromEntries(
    backends.map(({ app, release, version }) => [release, addresses[app]?.[version] ?? []]),
  )
