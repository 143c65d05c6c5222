/** Plain text on a screen; colours only where a person is looking at a terminal. */
const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined

const paint = (code: number) => (text: string) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)

export const say = (text = ''): void => console.log(text)

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`
