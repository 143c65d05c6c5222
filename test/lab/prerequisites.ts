/**
 * What a lab needs of the machine: root on Linux, and programs of Debian's packages. On a machine with apt
 * they are installed, and that is said; on any other the message names what is missing.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installWithinMs = 300_000

export class NotPossibleHere extends Error {
  override readonly name = 'NotPossibleHere'
}

export interface Need {
  /** Found on the PATH, or by its whole path. */
  readonly program: string
  readonly package: string
}

const of = (debian: string, ...programs: readonly string[]): Need[] =>
  programs.map((program) => ({ program, package: debian }))

/** For an API server alone. */
export const controlPlaneNeeds: readonly Need[] = [
  ...of('util-linux', 'unshare', 'nsenter', 'flock', 'setpriv'),
  ...of('iproute2', 'ip'),
  ...of('openssl', 'openssl'),
]

/** For a node that runs pods. */
export const nodeNeeds: readonly Need[] = [
  ...controlPlaneNeeds,
  ...of('containerd', 'containerd', 'ctr'),
  ...of('runc', 'runc'),
  ...of('containernetworking-plugins', '/usr/lib/cni/bridge', '/usr/lib/cni/portmap'),
  ...of('nftables', 'nft'),
  ...of('iptables', 'iptables'),
]

/** For building images. */
export const imageNeeds: readonly Need[] = [
  ...of('buildah', 'buildah'),
  ...of('mmdebstrap', 'mmdebstrap'),
]

/** `/usr/sbin` is not on everybody's PATH. */
const folders = [...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'])]

function isThere(program: string): boolean {
  const places = program.startsWith('/') ? [program] : folders.map((it) => join(it, program))
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export const missingPackages = (needs: readonly Need[]): string[] => [
  ...new Set(needs.filter(({ program }) => !isThere(program)).map((need) => need.package)),
]

/** Why a lab cannot run on this machine at all; null when it can. */
export function whyNotHere(): string | null {
  if (process.platform !== 'linux') {
    return 'The lab runs on Linux. Anywhere else, point KUBECONFIG at a cluster of kind or minikube.'
  }
  if (process.getuid?.() !== 0) {
    return 'The lab needs root, because it makes namespaces and mounts. Run the command with sudo.'
  }
  return null
}

/** Installs what is missing, or throws a sentence that says what to install. */
export async function prepareMachine(
  needs: readonly Need[],
  say: (line: string) => void,
): Promise<void> {
  const impossible = whyNotHere()
  if (impossible) throw new NotPossibleHere(impossible)
  const missing = missingPackages(needs)
  if (missing.length === 0) return
  const list = missing.join(' ')
  if (!isThere('apt-get')) {
    throw new NotPossibleHere(`The lab needs these packages (Debian's names): ${list}`)
  }
  say(`installing ${list} with apt-get`)
  const options = {
    timeout: installWithinMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 16 * 1024 * 1024,
  }
  try {
    await run('apt-get', ['update', '-qq'], options)
    await run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing], options)
  } catch (cause) {
    throw new NotPossibleHere(
      `apt-get could not install what the lab needs; install it and try again: ${list}`,
      { cause },
    )
  }
}
