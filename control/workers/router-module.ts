/** The very bytes that agents run, as a module: Workers compile no WebAssembly at run time. */
import module from '#router/build/router.wasm'

const routerWasm: WebAssembly.Module = module

export { routerWasm as default }
