/**
 * What an installation begins with when its secrets were made before it: the Secrets that the `init` Job
 * of `deploy/` has made, mounted as folders (`control init --from`). Control keeps hashes of the tokens and
 * a copy of the keys, which from then on are its own.
 *
 *   <from>/keys/keys.json     signing key and spare
 *   <from>/admin/token        the first operator's
 *   <from>/enrol/<cluster>    lets agents of that cluster join; one for each cluster of the fleet
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { limits } from '#wire/limits.ts'
import { clusterName } from '#wire/names.ts'
import { type StoredKeys, storedKeys } from '../trust/keys.ts'
import { looksLikeToken } from '../trust/tokens.ts'

export interface Beginning {
  readonly keys: StoredKeys
  readonly adminToken: string
  /** By cluster. */
  readonly enrolmentTokens: ReadonlyMap<string, string>
}

/** Throws, naming the file and never what is in it, when something is missing or damaged. */
export function readBeginning(path: string): Beginning {
  const clusters = names(join(path, 'enrol'))
  if (clusters.length > limits.clusters) {
    throw new Error(`${path}/enrol has more than ${limits.clusters} clusters`)
  }
  return {
    keys: keysIn(join(path, 'keys', 'keys.json')),
    adminToken: tokenIn(join(path, 'admin', 'token')),
    enrolmentTokens: new Map(
      clusters.map((cluster) => [cluster, tokenIn(join(path, 'enrol', cluster))]),
    ),
  }
}

/** Kubernetes keeps the versions of a mounted Secret in names that begin with two dots. */
function names(folder: string): readonly string[] {
  const found = entries(folder).filter((name) => !name.startsWith('..'))
  if (found.length === 0) throw new Error(`${folder} has no enrolment token; ${whatToDo}`)
  for (const name of found) {
    const parsed = clusterName.safeParse(name)
    if (!parsed.success) throw new Error(`${folder}/${name}: ${parsed.error.issues[0]!.message}`)
  }
  return found
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function keysIn(file: string): StoredKeys {
  try {
    return storedKeys.parse(JSON.parse(read(file)))
  } catch {
    throw new Error(`${file} is missing or damaged; ${whatToDo}`)
  }
}

function tokenIn(file: string): string {
  const text = read(file).trim()
  if (!looksLikeToken(text)) throw new Error(`${file} is missing or no token; ${whatToDo}`)
  return text
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const whatToDo = 'the init Job makes it (deploy/init)'
