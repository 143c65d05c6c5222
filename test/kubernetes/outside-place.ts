/**
 * A cluster that `KUBECONFIG` names as a place of the story, by one of its contexts. Everything goes through its
 * API: load comes from a pod, and ports are forwarded. What the story makes there it takes away again.
 */
import { spawn } from 'node:child_process'
import { outputOf } from '../lab/command.ts'
import { loadImage } from './images.ts'
import type { Place } from './place.ts'
import { type Forward, forwardPort } from './port-forward.ts'
import { namespace, systemNamespace } from './story-stage.ts'

/** Separated by commas: one, or two whose nodes reach each other. `npm run test:kubernetes` sets it. */
export const contextsVariable = 'SWITCHYARD_TEST_CONTEXTS'

/** Null: the story is told in labs. */
export function outsideContexts(): readonly string[] | null {
  const text = process.env[contextsVariable]
  return text ? text.split(',').map((name) => name.trim()) : null
}

const loadNamespace = 'switchyard-load'
export const closedNamespace = 'closed'
const own = [systemNamespace, namespace, closedNamespace, loadNamespace]

export async function openOutside(context: string): Promise<Place> {
  const program = (args: readonly string[]) => ['--context', context, ...args]
  const kubectl: Place['kubectl'] = (args, stdin = '') =>
    outputOf(spawn('kubectl', program(args)), `kubectl ${args.join(' ')}`, {
      stdin,
      withinMs: 240_000,
    })
  const found = await kubectl(['get', 'namespaces', ...own, '--ignore-not-found', '-o', 'name'])
  if (found !== '') {
    throw new Error(
      `the cluster of context ${context} has ${found.trim().split('\n').join(', ')} already: the story makes them ` +
        'and takes them away. Give it a cluster of its own, or delete them.',
    )
  }
  const forwards = new Map<string, Promise<Forward>>()
  /** `which`: a pod of the same name may be another one. */
  const open = async (where: string, resource: string, port: number, which = '') => {
    const key = `${where}/${resource}:${port} ${which}`
    const forward = forwards.get(key) ?? forwardPort(program(['-n', where]), resource, port)
    forwards.set(key, forward)
    return (await forward).port
  }
  await kubectl(['create', 'namespace', loadNamespace])
  await kubectl(['apply', '-f', '-'], JSON.stringify(loadPod))
  const ready = ['wait', '--for=condition=Ready', 'pod/load', '-n', loadNamespace]
  await kubectl([...ready, '--timeout=120s'])
  return {
    lab: null,
    kubectl,
    launchKubectl: (args, options) => spawn('kubectl', program(args), options),
    launchLoad: (options) =>
      spawn(
        'kubectl',
        program(['exec', '-i', 'load', '-n', loadNamespace, '--', ...loadProgram]),
        options,
      ),
    openService: (where, name, port) => open(where, `service/${name}`, port),
    openPod: (where, { name, address }, port) => open(where, `pod/${name}`, port, address),
    async close() {
      for (const forward of forwards.values()) (await forward.catch(() => null))?.close()
      await kubectl(['delete', 'namespaces', ...own, '--ignore-not-found', '--timeout=200s'])
    },
  }
}

const loadProgram = ['node', 'bench/load.ts', '--child']
const loadPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'load', namespace: loadNamespace },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'load',
        image: loadImage,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '-e', 'setInterval(() => {}, 60_000)'],
      },
    ],
  },
}
