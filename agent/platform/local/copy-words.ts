/** How a local cluster speaks of its copies to operators: bounded, and the same while nothing changes. */

export const charsMax = 600
const copiesNamed = 3

/** What the copies say, one after the other; the first three of them. */
export function saidBy(copies: readonly string[]): string {
  const some = copies.slice(0, copiesNamed)
  if (copies.length > copiesNamed) some.push(`and ${copies.length - copiesNamed} more`)
  return some.join('; ')
}

/** And what to do: a platform learns of programs when it starts. */
export const unknownProgram = (program: string): string =>
  `this cluster has no program ${program}: start its platform with --program ${program}=FILE`
