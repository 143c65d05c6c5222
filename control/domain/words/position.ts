/** What a change of a position means to an app's users, in sentences. */
import { canonicalText } from '#wire/digest.ts'
import type { PositionObject, Split } from '#wire/object.ts'
import { inWords } from './list.ts'

export function positionWords(
  before: PositionObject | null,
  after: PositionObject | null,
): string[] {
  if (!after) return before ? [`No release of ${before.app} answers any more.`] : []
  const { app, generation } = after
  const from = shares(before?.weights ?? [])
  const to = shares(after.weights)
  const moved = from !== to
  const words: string[] = []
  if (moved) {
    words.push(`Traffic of ${app} goes to ${to} (before: ${from}), as generation ${generation}.`)
  } else if (!before) words.push(`${app} has a position, and no release answers yet.`)
  else if (before.generation !== generation) {
    words.push(`The position of ${app} is generation ${generation} now; its traffic stays.`)
  }
  words.push(...nextWords(before, after, moved))
  words.push(...splitWords(app, before?.split, after.split))
  const closed = (after.close ?? []).filter((release) => !before?.close?.includes(release))
  if (closed.length > 0) words.push(`What is still open on ${inWords(closed)} is closed.`)
  const spared = (before?.close ?? []).filter((release) => !after.close?.includes(release))
  if (spared.length > 0) words.push(`Connections to ${inWords(spared)} are not closed any more.`)
  return words
}

function nextWords(
  before: PositionObject | null,
  { app, next }: PositionObject,
  moved: boolean,
): string[] {
  if (!next) {
    return before?.next && !moved ? [`The switch of ${app} is given up; nothing had moved.`] : []
  }
  if (before?.next && canonicalText(before.next) === canonicalText(next)) return []
  const { weights, minReady, targets, generation } = next
  const endpoints = minReady === 1 ? '1 ready endpoint' : `${minReady} ready endpoints`
  const where = targets ? ` of ${inWords(targets)}` : ''
  return [
    `A switch of ${app} to ${shares(weights)} is prepared, as generation ${generation}: each agent answers once it has ${endpoints}${where}.`,
  ]
}

function splitWords(app: string, before: Split | undefined, after: Split | undefined): string[] {
  if (canonicalText(before ?? null) === canonicalText(after ?? null)) return []
  if (!after) return [`Users of ${app} are not split any more.`]
  const key =
    'header' in after.key ? `the header ${after.key.header}` : `the cookie ${after.key.cookie}`
  return [`Users of ${app} are split by ${key}, with seed ${after.seed}.`]
}

/** `shop-r1`, `shop-r1 75% and shop-r2 25%`, `nobody`. */
function shares(weights: PositionObject['weights']): string {
  const taking = weights.filter(({ weight }) => weight > 0)
  const sum = taking.reduce((total, { weight }) => total + weight, 0)
  if (taking.length === 0) return 'nobody'
  if (taking.length === 1) return taking[0]!.release
  return taking
    .map(({ release, weight }) => `${release} ${Math.round((weight / sum) * 10_000) / 100}%`)
    .join(' and ')
}
