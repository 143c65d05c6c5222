/** A WebAssembly file is imported as a compiled module: `rules` of `wrangler.toml`. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
