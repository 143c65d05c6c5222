/** A request's cookies as `assembly/cookies.ts` reads them, for the reference: plain and slow. */

interface Field {
  readonly name: string
  readonly value: string
}

/** Pairs of every Cookie field in order; of equal names the first counts. */
export function cookiesOf(fields: readonly Field[]): readonly Field[] {
  const pairs = fields
    .filter(({ name }) => name.toLowerCase() === 'cookie')
    .flatMap(({ value }) => value.split(';'))
    .filter((pair) => pair.includes('='))
    .map((pair) => {
      const at = pair.indexOf('=')
      return { name: trimmed(pair.slice(0, at)), value: trimmed(pair.slice(at + 1)) }
    })
  return pairs.slice(0, 128)
}

export const cookieOf = (fields: readonly Field[], name: string): string | undefined =>
  cookiesOf(fields).find((cookie) => cookie.name === name)?.value

/** Spaces and tabs only, as HTTP has them. */
const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '')
