/**
 * What workerd is told: the bundle, the bindings that `wrangler.toml` names, and where objects are kept
 * (https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp).
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Bundle } from './bundle.ts'

export interface WorkerdPlan {
  readonly bundle: Bundle
  /** Where the objects are kept. */
  readonly storage: string
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** From `wrangler.toml`: the day and the flags whose behaviour the Worker gets. */
  readonly compatibility: { readonly date: string; readonly flags: readonly string[] }
  readonly objects: readonly { readonly binding: string; readonly className: string }[]
  /** For measurements: as V8 takes them, such as `--max-heap-size=128`. */
  readonly v8Flags?: readonly string[]
  /** Variables and secrets. */
  readonly texts: Readonly<Record<string, string>>
}

/** Beside the storage; for its owner's eyes, because it holds the secrets. */
export const configFileOf = ({ storage }: WorkerdPlan) => `${storage}.capnp`

/** Text of Cap'n Proto. Strings are quoted as JSON does it, which that understands. */
export function workerdConfig(plan: WorkerdPlan): string {
  const { bundle, compatibility } = plan
  const quoted = (text: string) => JSON.stringify(text)
  const list = (items: readonly string[]) =>
    `[\n${items.map((item) => `    ${item},\n`).join('')}  ]`
  const module = (name: string) => {
    const file = quoted(relative(dirname(configFileOf(plan)), join(bundle.folder, name)))
    const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule'
    return `(name = ${quoted(basename(name))}, ${kind} = embed ${file})`
  }
  const objects = plan.objects.map(
    ({ className }) =>
      `(className = ${quoted(className)}, uniqueKey = ${quoted(`switchyard-${className}`)}, enableSql = true)`,
  )
  const bindings = [
    ...plan.objects.map(
      ({ binding, className }) =>
        `(name = ${quoted(binding)}, durableObjectNamespace = ${quoted(className)})`,
    ),
    ...Object.entries(plan.texts).map(
      ([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`,
    ),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "control", worker = .control),
    (name = "disk", disk = (path = ${quoted(plan.storage)}, writable = true)),
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = ${quoted(`${plan.host}:${plan.port}`)}, http = (), service = "control")],
  v8Flags = [${(plan.v8Flags ?? []).map(quoted).join(', ')}],
);
const control :Workerd.Worker = (
  compatibilityDate = ${quoted(compatibility.date)},
  compatibilityFlags = [${compatibility.flags.map(quoted).join(', ')}],
  modules = ${list(bundle.modules.map(module))},
  durableObjectNamespaces = ${list(objects)},
  durableObjectStorage = (localDisk = "disk"),
  bindings = ${list(bindings)},
  globalOutbound = "network",
);
`
}

/** The part of a `wrangler.toml` of ours that workerd needs: no other form than we write is understood. */
export function readWrangler(file: string): Pick<WorkerdPlan, 'compatibility' | 'objects'> {
  const text = readFileSync(file, 'utf8')
  const one = (pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
  const flags = [...one(/^compatibility_flags = \[(.*)\]$/m).matchAll(/"([^"]+)"/g)]
  const objects = [
    ...text.matchAll(/^\[\[durable_objects\.bindings\]\]\nname = "(\w+)"\nclass_name = "(\w+)"$/gm),
  ]
  return {
    compatibility: {
      date: one(/^compatibility_date = "(.*)"$/m),
      flags: flags.map(([, flag]) => flag!),
    },
    objects: objects.map(([, binding, className]) => ({
      binding: binding!,
      className: className!,
    })),
  }
}
