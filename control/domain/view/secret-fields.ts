/** Fields of events that nobody outside is shown: hashes of tokens and whatever is a secret. */
export const isSecretField = (name: string): boolean => /(token|url)Hash$|secret/i.test(name)

/** The same value without them, at any depth. */
export const withoutSecrets = <Value>(value: Value): Value =>
  JSON.parse(JSON.stringify(value), (name, held) => (isSecretField(name) ? undefined : held))
