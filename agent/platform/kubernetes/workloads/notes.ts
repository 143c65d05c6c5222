/**
 * Kubernetes Events of what we do, so that `kubectl describe deployment` tells the same story as the API. They
 * are a courtesy: one that cannot be written is lost, and nothing waits for it. Many at once wait for each
 * other; those for which there is no place are counted and said.
 */
import { cutToBytes, noteBytesMax } from '../api/event-note.ts'
import { type Body, type Cluster, kinds } from './cluster.ts'
import { fieldManager } from './labels.ts'
import type { Note } from './write.ts'

export interface Notes {
  say(note: Note): void
  /** Once for each release and sentence: a trouble that lasts is one Event. */
  refuse(release: string, about: Note['about'], message: string): void
}

const underWayMax = 32
const waitingMax = 4_096
const refusedMax = 1_024

/**
 * `instance`: which agent says it. `wallMs`: an Event has the time of the wall. `onLost`: so many Events had no
 * place since the last that had one.
 */
export function createNotes(
  cluster: Cluster,
  instance: () => string,
  wallMs: () => number,
  onLost: (count: number) => void,
  signal: AbortSignal,
): Notes {
  const refused = new Set<string>()
  const waiting: Body[] = []
  let underWay = 0
  let lost = 0

  function say(note: Note): void {
    if (waiting.length >= waitingMax) lost++
    else waiting.push(bodyOf(note, instance(), wallMs()))
    next()
  }

  function next(): void {
    if (underWay >= underWayMax || signal.aborted) return
    const body = waiting.shift()
    if (!body) {
      if (lost > 0) onLost(lost)
      lost = 0
      return
    }
    underWay++
    cluster
      .create(body, signal)
      .catch(() => {})
      .finally(() => {
        underWay--
        next()
      })
  }

  return {
    say,
    refuse(release, about, message) {
      const what = `${release}: ${message}`
      if (refused.has(what)) return
      if (refused.size >= refusedMax) refused.clear()
      refused.add(what)
      say({ type: 'Warning', reason: 'Refused', action: 'Refuse', message: what, about })
    },
  }
}

function bodyOf(note: Note, instance: string, wallMs: number): Body {
  const { kind = 'Deployment', namespace, name, uid } = note.about
  return {
    apiVersion: kinds.Event.apiVersion,
    kind: 'Event',
    metadata: { generateName: 'switchyard-', namespace },
    eventTime: new Date(wallMs).toISOString().replace('Z', '000Z'),
    reportingController: fieldManager,
    reportingInstance: instance.slice(0, 128),
    type: note.type,
    reason: note.reason,
    action: note.action,
    note: cutToBytes(note.message, noteBytesMax),
    regarding: {
      apiVersion: kinds[kind].apiVersion,
      kind,
      namespace,
      name,
      ...(uid !== undefined && { uid }),
    },
  }
}
