/** A duration in a query: `10s`, `500ms`, or a plain number of seconds. */
import { z } from 'zod'

/** Milliseconds out; refuses more than `maxMs`. */
export const duration = (maxMs: number) =>
  z
    .string()
    .regex(/^\d{1,6}(\.\d{1,3})?(ms|s)?$/, 'use a duration such as "10s" or "500ms"')
    .transform((text) => Number.parseFloat(text) * (text.endsWith('ms') ? 1 : 1_000))
    .refine((ms) => ms <= maxMs, `at most ${maxMs / 1_000}s`)
