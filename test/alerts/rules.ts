/** The rules file, read as text: no more of YAML is needed than that a name follows `alert:`. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export const rulesFile = resolve(import.meta.dirname, '../../deploy/prometheus/alerts.yaml')
export const rulesText = readFileSync(rulesFile, 'utf8')

export const alertNames = [...rulesText.matchAll(/^ *- alert: (\w+)$/gm)].map(([, name]) => name!)

/** Every metric that an expression names; what a rule itself records has a colon. */
export const metricNames = [
  ...new Set([...rulesText.matchAll(/\bswitchyard_[a-z_]+/g)].map(([name]) => name)),
].sort()

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const

/** The same rules with every duration made shorter: an hour of patience in some seconds. */
export const hurried = (factor: number): string =>
  rulesText.replaceAll(
    /(for: |\[)(\d+)([smh])(?=\]|$)/gm,
    (_, before: string, count: string, unit: keyof typeof unitMs) =>
      `${before}${Math.max(1_000, Math.round((Number(count) * unitMs[unit]) / factor))}ms`,
  )
