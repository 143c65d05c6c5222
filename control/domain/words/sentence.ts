/**
 * Each event as one sentence that an operator would say: for webhooks, the audit and history in words.
 * From the event alone, so that a sentence never changes afterwards; a new event type does not compile
 * before it has one. No secret, no hash and no key is ever part of a sentence.
 */
import { agentPlace } from '#wire/names.ts'
import type { AgentRef, DomainEvent, EventOf, EventType } from '../event.ts'

type Sentences = { readonly [Type in EventType]: (event: EventOf<Type>) => string }

const sentences: Sentences = {
  'epoch-begun': ({ epoch, reason }) =>
    reason === 'init'
      ? 'The installation began.'
      : `Epoch ${epoch.number} began: from here on the word of this log counts.`,
  'format-raised': ({ format }) =>
    `Every agent reads content format ${format}, so it is published from here on.`,
  'keys-changed': ({ publicKeys, signing }) =>
    `The fleet has ${counted(publicKeys.length, 'signing key')} now; ${signing} signs.`,
  'cluster-added': ({ cluster }) => `Cluster ${cluster} was added.`,
  'enrolment-token-replaced': ({ cluster }) => `The enrolment token of ${cluster} was replaced.`,
  'token-created': ({ name, scope, scopes = [scope], apps }) =>
    `Token "${name}" was made: ${listed(scopes)}${apps ? ` of ${listed(apps)}` : ''}.`,
  'token-revoked': ({ name }) => `Token "${name}" was revoked.`,
  'webhook-set': ({ name, origin }) => `Webhook "${name}" now tells ${origin}.`,
  'webhook-removed': ({ name }) => `Webhook "${name}" was removed.`,
  'agent-enrolled': ({ cluster, agent }) => `Agent ${agent} enrolled in ${cluster}.`,
  'agent-forgotten': ({ cluster, agent }) => `Agent ${agent} of ${cluster} was forgotten.`,

  'app-created': ({ app, intent }) => `App ${app} was created in ${listed(intent.clusters)}.`,
  'app-changed': ({ app }) => `App ${app} was changed.`,
  'app-leaving': ({ app, clusters }) => `App ${app} is leaving ${listed(clusters)}.`,
  'app-left': ({ app, cluster }) => `App ${app} has left ${cluster}.`,
  'app-deletion-requested': ({ app }) => `App ${app} is being deleted.`,
  'app-deleted': ({ app }) => `App ${app} is deleted.`,

  'release-created': ({ release, version, clusters, strategy, undo }) =>
    `Release ${release} (version ${version}${strategy ? `, ${strategy}` : ''}) was created in ${listed(clusters)}${undo ? `, to undo back to ${undo}` : ''}.`,
  'release-ready': ({ release }) => `Release ${release} is ready.`,
  'release-aborted': ({ release, reason }) => `Release ${release} was aborted: ${reason}.`,

  'release-paused': ({ release, reason }) =>
    `Release ${release} was paused${reason ? `: ${reason}` : ''}.`,
  'release-resumed': ({ release }) => `Release ${release} was resumed.`,
  'release-approved': ({ release, reason }) =>
    `Release ${release} was approved${reason ? `: ${reason}` : ''}.`,
  'release-overridden': ({ release, reason, freezes, approvalsMissing }) =>
    `Release ${release} was promoted ${inSpiteOf(freezes, approvalsMissing)}: ${reason}.`,
  'preview-link-issued': ({ release, link, expiresAtMs }) =>
    `A preview link (${link}) to ${release} was issued until ${new Date(expiresAtMs).toISOString()}.`,
  'copies-replaced': ({ release, cluster }) =>
    `Every agent of ${cluster} reports the new copies of ${release} alone.`,
  'release-left': ({ release, cluster }) => `Release ${release} has left ${cluster}.`,
  'ingress-created': ({ cluster, namespace, name, intent }) =>
    `Ingress ${namespace}/${name} of ${cluster} came: ${counted(intent.routes.length, 'route')}${notDone(intent.warnings)}.`,
  'ingress-changed': ({ cluster, namespace, name, intent }) =>
    `Ingress ${namespace}/${name} of ${cluster} changed: ${counted(intent.routes.length, 'route')}${notDone(intent.warnings)}.`,
  'ingress-removed': ({ cluster, namespace, name }) =>
    `Ingress ${namespace}/${name} of ${cluster} is gone.`,

  'freeze-set': ({ name, intent }) =>
    `Freeze "${name}" was set from ${intent.from} until ${intent.until}: ${intent.reason}.`,
  'freeze-lifted': ({ name }) => `Freeze "${name}" was lifted.`,

  'switch-proposed': ({ app, release, required, step, weights }) =>
    `A switch of ${app} to ${release}${shareOf(release, step, weights)} was proposed; ${counted(required.length, 'agent')} must acknowledge.`,
  'switch-prepared': ({ app, generation }) =>
    `The agents are prepared for ${switchOf(app, generation)}.`,
  'commit-decided': ({ app, generation, except }) =>
    `${capital(switchOf(app, generation))} was decided${without(except)}.`,
  'rollback-decided': ({ app, from, to }) =>
    `A rollback of ${app} from ${from} to ${to} was decided.`,
  'switch-completed': ({ app, generation, except, skewMs }) =>
    `${capital(switchOf(app, generation))} is complete${without(except)}${skew(skewMs)}.`,
  'switch-aborted': ({ app, generation, reason }) =>
    `${capital(switchOf(app, generation))} was aborted: ${reason}.`,
  'agent-caught-up': ({ app, generation, ...ref }) =>
    `Agent ${agentPlace(ref)} has caught up with ${switchOf(app, generation)}.`,

  'drain-deadline-passed': ({ release }) =>
    `The drain deadline of ${release} has passed; what is still open on it is closed.`,
  'decommission-started': ({ release }) => `Release ${release} is being decommissioned.`,
  'release-decommissioned': ({ release }) => `Release ${release} is decommissioned.`,
}

export const sentenceOf = (event: DomainEvent): string =>
  (sentences[event.type] as (event: DomainEvent) => string)(event)

/** Every event type that this program knows, by name. */
export const eventTypes = Object.keys(sentences).sort() as readonly EventType[]

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const notDone = (warnings: readonly string[]): string =>
  warnings.length === 0 ? '' : `, and ${counted(warnings.length, 'thing')} not done`

const switchOf = (app: string, generation: number): string =>
  `the switch of ${app} (generation ${generation})`

const without = (except: readonly AgentRef[]): string =>
  except.length === 0 ? '' : ` without ${listed(except.map(agentPlace))}`

const skew = (skewMs: number | null): string =>
  skewMs === null ? '' : `, ${skewMs.toFixed(1)} ms between the first and the last agent`

const inSpiteOf = (freezes: readonly string[], approvals: number): string =>
  listed([
    ...(freezes.length > 0 ? [`in spite of the freeze ${listed(freezes)}`] : []),
    ...(approvals > 0
      ? [
          `without ${counted(approvals, 'approval')} that ${approvals === 1 ? 'was' : 'were'} missing`,
        ]
      : []),
  ])

/** ", step 2 (25 % in eu-1)" */
function shareOf(
  release: string,
  step: number | undefined,
  weights: EventOf<'switch-proposed'>['weights'],
): string {
  if (step === undefined || !weights) return ''
  const shares = weights.map(({ cluster, weights: list }) => {
    const sum = list.reduce((total, { weight }) => total + weight, 0)
    const own = list.find((one) => one.release === release)?.weight ?? 0
    return `${Math.round((100 * own) / Math.max(1, sum))} % in ${cluster}`
  })
  return `, step ${step + 1} (${listed(shares)}),`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
