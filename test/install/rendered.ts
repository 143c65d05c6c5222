/** The manifests of `deploy/` as `kubectl kustomize` renders them, and what tests look at in them. */
import { spawn } from 'node:child_process'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { outputOf } from '../lab/command.ts'
import { findPrograms } from '../lab/programs/build.ts'
import { sorted } from './audit.ts'

export const deploy = resolve(import.meta.dirname, '../../deploy')

/** Not a part of kustomize, an app of ours, or an alert. */
const isOfKubernetes = (one: Partial<Manifest> | null): boolean =>
  one?.apiVersion !== undefined &&
  !/^(builtin$|kustomize\.config\.k8s\.io\/|switchyard\.dev\/)/.test(one.apiVersion)

const files = readdirSync(deploy, { recursive: true, encoding: 'utf8' }).sort()

const manifestsIn = (file: string) => manifestsOf(readFileSync(join(deploy, file), 'utf8'))

/** Transformers change what other folders give, and give nothing themselves. */
const transformers = new Set(
  files
    .filter((file) => /\.ya?ml$/.test(file))
    .filter((file) => manifestsIn(file).some((one) => one?.apiVersion === 'builtin'))
    .map((file) => dirname(file)),
)

/** Every folder that a user can give to `kubectl apply -k`. */
export const folders = files
  .filter((file) => basename(file) === 'kustomization.yaml')
  .map((file) => dirname(file))
  .filter((folder) => !transformers.has(folder))

/** Every object of Kubernetes that lies in `deploy/` as a file, by where it lies. */
export const manifestFiles: readonly (Manifest & { readonly file: string })[] = files
  .filter((file) => /\.(ya?ml|json)$/.test(file))
  .flatMap((file) =>
    manifestsIn(file)
      .filter((one) => isOfKubernetes(one))
      .map((one) => ({ ...one, file })),
  )

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly Variable[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly hostPort?: number }[]
  readonly resources: { readonly requests?: object; readonly limits?: object }
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly port: string } } | undefined
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string }
    readonly configMapKeyRef?: { readonly name: string; readonly key: string }
    readonly secretKeyRef?: { readonly name: string; readonly key: string }
  }
}

export interface PodSpec {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly enableServiceLinks?: boolean
  readonly terminationGracePeriodSeconds?: number
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes?: readonly {
    readonly name: string
    readonly secret?: {
      readonly secretName: string
      readonly items?: readonly { readonly key: string }[]
    }
    readonly persistentVolumeClaim?: { readonly claimName: string }
  }[]
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>
  /** Of a Role. */
  readonly rules?: readonly Rule[]
  /** Of a binding. */
  readonly roleRef?: { readonly name: string }
  readonly subjects?: readonly { readonly name: string }[]
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: PodSpec
    }
    readonly selector?: Readonly<Record<string, unknown>>
    readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly ports?: readonly { readonly targetPort: string }[]
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
  }
}

export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

export async function render(folder: string): Promise<string> {
  const { kubectl } = await findPrograms(['kubectl'])
  const child = spawn(kubectl!, ['kustomize', join(deploy, folder)])
  return outputOf(child, `kubectl kustomize deploy/${folder}`, { withinMs: 30_000 })
}

/** An overlay as the pages show it, beside a folder `switchyard`. */
export async function renderOverlay(text: string): Promise<string> {
  const { kubectl } = await findPrograms(['kubectl'])
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'swy-overlay-')))
  try {
    writeOverlay(folder, text)
    const child = spawn(kubectl!, ['kustomize', folder])
    return await outputOf(child, 'kubectl kustomize of an overlay', { withinMs: 30_000 })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export function writeOverlay(folder: string, text: string): void {
  // A kustomization names its resources by relative paths alone.
  const here = text.replaceAll('../switchyard/deploy', relative(folder, deploy))
  writeFileSync(join(folder, 'kustomization.yaml'), here)
}

export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest)
}

/** What the account may, in any namespace: `list apps/deployments`, each once. */
export function grantedBy(manifests: readonly Manifest[], account: string): readonly string[] {
  const roles = manifests
    .filter(({ subjects }) => subjects?.some(({ name }) => name === account))
    .map(({ roleRef }) => roleRef!.name)
  const rules = manifests
    .filter(({ metadata, rules }) => rules && roles.includes(metadata.name))
    .flatMap(({ rules }) => rules!)
  return sorted(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  )
}

export const podsOf = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ kind, metadata, spec }) =>
    spec?.template
      ? [{ kind, name: metadata.name, labels: spec.template.metadata.labels, ...spec.template }]
      : [],
  )

export const containersOf = (pod: PodSpec) => [...(pod.initContainers ?? []), ...pod.containers]

/** What the kubelet would set, with `secrets` in the place of what is in a Secret. */
export function environmentOf(
  container: Container,
  manifests: readonly Manifest[],
  secrets: (name: string, key: string) => string,
): Record<string, string> {
  const configMap = (name: string) =>
    manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)!.data!
  const own: Record<string, string> = {}
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom ?? {}
    own[name] = configMapKeyRef
      ? configMap(configMapKeyRef.name)[configMapKeyRef.key]!
      : secretKeyRef
        ? secrets(secretKeyRef.name, secretKeyRef.key)
        : fieldRef
          ? fieldRef.fieldPath.replaceAll('.', '-').toLowerCase()
          : value!.replaceAll(/\$\(([^)]+)\)/g, (_, variable: string) => own[variable]!)
  }
  const shared = (container.envFrom ?? []).map(({ configMapRef }) => configMap(configMapRef.name))
  return Object.assign({}, ...shared, own)
}
