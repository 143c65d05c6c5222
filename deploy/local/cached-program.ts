/** The user's cache folder for programs that are fetched or built once. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'switchyard')
