/** Lists in sentences. */
const listedMax = 8

/** At most eight of them, so that a sentence stays readable in a big fleet. */
export const inWords = (items: readonly string[], separator = ', '): string =>
  items.length <= listedMax
    ? items.join(separator)
    : `${items.slice(0, listedMax).join(separator)}${separator}and ${items.length - listedMax} more`
