/**
 * What a worker serves: table, positions and endpoints, laid into the router from the three files at the
 * start and from the pilot's messages later. What it says about itself is read back from the router's
 * memory, never repeated from a message.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Say } from '#wire/log-line.ts'
import type {
  AppliedPosition,
  Endpoint,
  Endpoints,
  EndpointsFile,
  PositionsFile,
  WorkerMessage,
} from '../link.ts'
import { endpointName, stateFiles } from '../link.ts'
import type { DataPath } from './data-path.ts'

export interface Served {
  /** The last-known-good. True when table, positions and endpoints were all there and valid. */
  loadFiles(stateFolder: string): Promise<boolean>
  /** Null, or why the table was refused; the served one stays then. */
  loadTable(file: string, digest: string): Promise<string | null>
  setPositions(positions: readonly AppliedPosition[]): void
  /** All that there are; what is missing is emptied. */
  setEndpoints(endpoints: Endpoints, number: number): void
  /** Of these releases only. */
  changeEndpoints(endpoints: Endpoints, number: number): void
  hasTable(): boolean
  report(): Extract<WorkerMessage, { type: 'serving' }>
  /** Of these releases only: an answer takes as long as its question. */
  reportEndpoints(releases: Iterable<string>): Extract<WorkerMessage, { type: 'serving-endpoints' }>
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export function createServed(path: DataPath, log: Say): Served {
  const { router } = path
  let tableDigest = sha256(new Uint8Array(0))
  let hasTable = false
  let endpointsNumber = 0
  /** What the router has been given; a release without endpoints is not in it. */
  const known = new Map<string, readonly Endpoint[]>()
  /** By endpoint, in how many of these lists it is: a change of one release costs no look at the others. */
  const uses = new Map<string, number>()

  const use = (name: string, more: 1 | -1) => {
    const count = (uses.get(name) ?? 0) + more
    if (count > 0) uses.set(name, count)
    else uses.delete(name)
  }

  const load = (bytes: Uint8Array): string | null => {
    const refused = router.loadTable(bytes)
    if (refused !== null) return refused
    hasTable = true
    path.counts.renumber()
    tableDigest = sha256(router.tableBytes())
    return null
  }

  const read = async <T>(file: string, use: (bytes: Buffer) => T): Promise<T | null> => {
    try {
      return use(await readFile(file))
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!missing) log('state-damaged', `${file} cannot be used: ${(error as Error).message}`)
      return null
    }
  }

  const served: Served = {
    async loadFiles(stateFolder) {
      const file = (name: string) => join(stateFolder, name)
      // A position or an endpoint of a release that the table does not name yet is kept by the router.
      const endpoints = await read(file(stateFiles.endpoints), (bytes) => {
        served.setEndpoints((JSON.parse(bytes.toString('utf8')) as EndpointsFile).endpoints, 0)
        return true
      })
      const positions = await read(file(stateFiles.positions), (bytes) => {
        served.setPositions((JSON.parse(bytes.toString('utf8')) as PositionsFile).positions)
        return true
      })
      const table = await read(file(stateFiles.table), (bytes) => {
        const refused = load(bytes)
        if (refused !== null) log('state-damaged', `the table on disk is refused: ${refused}`)
        return refused === null
      })
      return table === true && positions === true && endpoints === true
    },
    async loadTable(file, digest) {
      let bytes: Buffer
      try {
        bytes = await readFile(file)
      } catch (error) {
        return `the table file cannot be read: ${(error as Error).message}`
      }
      if (sha256(bytes) !== digest) return 'the table file does not have the announced digest'
      return load(bytes)
    },
    setPositions(positions) {
      router.setPositions(positions)
    },
    setEndpoints(endpoints, number) {
      const gone = [...known.keys()].filter((release) => !(release in endpoints))
      const emptied = Object.fromEntries(gone.map((release) => [release, []]))
      served.changeEndpoints({ ...endpoints, ...emptied }, number)
    },
    changeEndpoints(endpoints, number) {
      for (const [release, list] of Object.entries(endpoints)) {
        router.setEndpoints(release, list)
        for (const one of list) use(endpointName(one), 1)
        for (const one of known.get(release) ?? []) use(endpointName(one), -1)
        if (list.length > 0) known.set(release, list)
        else known.delete(release)
      }
      path.pools.refresh((name) => uses.has(name))
      endpointsNumber = number
    },
    hasTable: () => hasTable,
    report: () => ({
      type: 'serving',
      pid: process.pid,
      tableDigest,
      positions: router.positions(),
      endpoints: router.endpointCounts(),
      endpointsNumber,
    }),
    reportEndpoints: (releases) => ({
      type: 'serving-endpoints',
      endpoints: router.endpointCounts(releases),
      endpointsNumber,
    }),
  }
  return served
}
