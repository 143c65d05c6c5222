/** The version of this program, as its package says. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

const manifest = z.object({ version: z.string() })

export const ownVersion = (): string =>
  manifest.parse(JSON.parse(readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8')))
    .version
