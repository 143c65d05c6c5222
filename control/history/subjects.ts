/**
 * Whom and what a record is about, as the audit asks for it: `actor/ci`, `type/promote-release`,
 * `type/switch-completed`, `app/shop`, `release/shop-r2`, `cluster/eu-1`. Found by the names of fields, so
 * that a new event needs nothing here.
 */
import type { TurnRecord } from '../domain/record.ts'

export const subjectKinds = ['release', 'app', 'actor', 'type', 'cluster'] as const
export type SubjectKind = (typeof subjectKinds)[number]

export const subject = (kind: SubjectKind, name: string): string => `${kind}/${name}`

const kindOfField: Readonly<Record<string, SubjectKind>> = {
  app: 'app',
  apps: 'app',
  release: 'release',
  releases: 'release',
  cluster: 'cluster',
  clusters: 'cluster',
}

export function subjectsOf({ actor, input, events }: TurnRecord): ReadonlySet<string> {
  const found = new Set([subject('actor', actor)])
  if (input.type) found.add(subject('type', input.type))
  for (const event of events) {
    found.add(subject('type', event.type))
    // Where it goes back from and to.
    if (event.type === 'rollback-decided') {
      found.add(subject('release', event.from)).add(subject('release', event.to))
    }
    collect(event, found)
  }
  return found
}

function collect(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found)
    return
  }
  for (const [name, field] of Object.entries(value)) {
    const kind = kindOfField[name]
    for (const one of kind ? [field].flat() : []) {
      if (typeof one === 'string') found.add(subject(kind!, one))
    }
    collect(field, found)
  }
}
