/**
 * The Service that an app has had all along, for clients inside the cluster: its selector follows the release
 * that control has proven to be live. It belongs to its owner, so that only the selector is written, and what
 * others make of that afterwards is reported. Two apps that name one are settled here: who has it keeps it.
 */
import { z } from 'zod'
import { kinds } from './cluster.ts'
import type { Mark } from './desired-objects.ts'
import type { Deployment, Service } from './kube-object.ts'
import { annotation, isNewer, label, placeText, type Texts } from './labels.ts'
import { isGoing, type NamespaceView } from './observed.ts'
import { noteOn } from './plan-deployment.ts'
import type { Wanted } from './wanted.ts'
import type { Write } from './write.ts'

export interface OwnServicePlan {
  readonly writes: readonly Write[]
  readonly trouble: string | null
  /** A newer snapshot has written it. */
  readonly newer: boolean
}

const told = z.object({
  cluster: z.string(),
  app: z.string(),
  selector: z.record(z.string(), z.string()),
})
type Told = z.infer<typeof told>

/** `rivals`: apps whose releases name the same Service, in the order of their releases. */
export function planOwnService(
  view: NamespaceView,
  { app, release, version }: Pick<Wanted, 'app' | 'release' | 'version'>,
  { service: name, rivals }: { readonly service: string; readonly rivals: readonly string[] },
  { spec: { selector } }: Deployment,
  how: Mark & { readonly stampAll: boolean },
): OwnServicePlan {
  const plan = (more: Partial<OwnServicePlan>) => ({
    writes: [],
    trouble: null,
    newer: false,
    ...more,
  })
  const place = `Service "${name}" in namespace "${view.name}"`
  const there = view.services.find(({ metadata }) => metadata.name === name)
  if (!there || isGoing(there)) {
    return plan({ trouble: `${place}, which shall follow ${app}, is not there: apply it` })
  }
  if (there.metadata.labels[label.release] !== undefined) {
    return plan({ trouble: `${place} is that of a release: name one of yours as \`service\`` })
  }
  if (there.spec.type === 'ExternalName') {
    return plan({ trouble: `${place} is an ExternalName, which selects nothing: name another` })
  }
  const before = toldBefore(there)
  if (before && before.cluster !== how.cluster) {
    const what = `annotation ${annotation.selector}`
    return plan({ trouble: `${place} belongs to the cluster "${before.cluster}" (${what})` })
  }
  const holder = before && rivals.includes(before.app) ? before.app : rivals[0]
  if (holder !== app) {
    return plan({ trouble: `${place} follows ${holder} already: name another as \`service\`` })
  }
  if (isNewer(there, how.place)) return plan({ newer: true })

  const now: Told = { cluster: how.cluster, app, selector: selector.matchLabels }
  const found = there.spec.selector
  const isAskedAnew = !before || before.app !== app || !isSame(before.selector, now.selector)
  const isDrift = !isAskedAnew && !isSame(found, now.selector)
  const trouble = isDrift
    ? `others changed the selector of ${place}, and it stays so: ${textOf(found)} (asked: ${textOf(now.selector)})`
    : null
  const isStamped = there.metadata.annotations[annotation.applied] === placeText(how.place)
  if (!isAskedAnew && (isStamped || !how.stampAll)) return plan({ trouble })
  const isMoved = isAskedAnew && !isSame(found, now.selector)
  const message = `selects ${release} (version ${version}), which is live: ${textOf(found)} → ${textOf(now.selector)}`
  const { namespace = '', uid, resourceVersion } = there.metadata
  const about = { kind: 'Service', namespace, name, uid } as const
  const write: Write = {
    verb: 'apply',
    ref: { kind: 'Service', namespace, name },
    resourceVersion,
    body: {
      apiVersion: kinds.Service.apiVersion,
      kind: 'Service',
      metadata: {
        name,
        namespace,
        annotations: {
          [annotation.applied]: placeText(how.place),
          [annotation.selector]: JSON.stringify({ ...now, selector: sorted(now.selector) }),
        },
      },
      spec: { selector: isDrift ? found : now.selector },
    },
    notes: isMoved ? [noteOn(about, 'Followed', 'Patch', message)] : [],
  }
  return plan({ writes: [write], trouble })
}

/** Null when nobody has told it before, or the annotation is not ours to understand. */
function toldBefore({ metadata }: Service): Told | null {
  try {
    return told.parse(JSON.parse(metadata.annotations[annotation.selector] ?? ''))
  } catch {
    return null
  }
}

const sorted = (texts: Texts): Texts =>
  Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)))

const isSame = (one: Texts, other: Texts): boolean => textOf(one) === textOf(other)

const textOf = (selector: Texts): string =>
  Object.entries(sorted(selector))
    .map(([key, value]) => `${key}=${value}`)
    .join(',') || 'nothing'
