/**
 * What is not done of an Ingress, in words: sentences for control and for Events, each within its bound. However
 * many there are, every annotation that is not done is named: beyond `inFull` sentences the names of several
 * stand in one, without their reasons. Pure.
 */
import { limits } from '#wire/limits.ts'
import { cutToBytes, noteBytesMax } from '../api/event-note.ts'

/** One annotation; a sentence begins with its name, so that cutting it leaves the name. */
export interface NotDone {
  /** `Service web: `, when the annotation is not the object's own. */
  readonly of: string
  readonly key: string
  readonly why: string
  /** It may keep people out: told in other words, because no request is let in. */
  readonly isClosing?: true
}

/** As many as a control takes that was made before names stood together. */
const inFull = 64

const closing =
  'this may keep people out, which is not done yet, so no request is let in by this Ingress'

/** For control: at most `limits.warningsPerIngress` sentences. */
export function warningsOf(annotations: readonly NotDone[], others: Iterable<string>): string[] {
  const sentences = [...new Set([...annotations.map(sentenceOf), ...others])].map(cut)
  if (sentences.length <= inFull) return sentences
  const named = namedTogether(annotations)
  const rest = [...new Set(others)].map(cut).slice(0, Math.max(0, inFull - named.length))
  const left = new Set(others).size - rest.length
  const all = [...named, ...rest, ...(left > 0 ? [`${left} more things are not done.`] : [])]
  const most = limits.warningsPerIngress
  if (all.length <= most) return all
  // The names of one object fit; those of hundreds of Services may not.
  return [...all.slice(0, most - 1), 'More is not done: annotations of Services that no name fits.']
}

/** For Events: the sentences in as many notes as they need, none of them cut between two. */
export function notesOf(sentences: readonly string[]): string[] {
  const notes: string[] = []
  for (const sentence of sentences.map((one) => cutToBytes(one, noteBytesMax))) {
    const joined = notes.length === 0 ? sentence : `${notes.at(-1)} ${sentence}`
    if (notes.length > 0 && Buffer.byteLength(joined) <= noteBytesMax) notes.splice(-1, 1, joined)
    else notes.push(sentence)
  }
  return notes
}

function sentenceOf({ of, key, why, isClosing }: NotDone): string {
  if (isClosing) return `${of}${key}: ${closing}.`
  return `${of}${key} is not done${why === '' ? '' : `: ${why}`}.`
}

function namedTogether(annotations: readonly NotDone[]): string[] {
  const groups = new Map<string, Set<string>>()
  for (const { of, key, isClosing } of annotations) {
    const ending = isClosing ? `: ${closing}.` : ' not done.'
    const id = `${of}\n${ending}`
    groups.set(id, (groups.get(id) ?? new Set()).add(key))
  }
  return [...groups].flatMap(([id, keys]) => {
    const [of = '', ending = ''] = id.split('\n')
    return packed([...keys], limits.reasonChars - of.length - ending.length).map(
      (names) => `${of}${names}${ending}`,
    )
  })
}

/** The names in as few texts of at most `chars` as their order allows. */
function packed(names: readonly string[], chars: number): string[] {
  const texts: string[] = []
  for (const name of names) {
    const joined = texts.length === 0 ? name : `${texts.at(-1)}, ${name}`
    if (texts.length > 0 && joined.length <= chars) texts.splice(-1, 1, joined)
    else texts.push(name)
  }
  return texts
}

const cut = (sentence: string): string => sentence.slice(0, limits.reasonChars)
