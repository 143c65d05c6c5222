/**
 * What a dry run warns of: a stable code and one sentence each. A warning never refuses anything; it says
 * what an operator may not expect. `docs/errors.md` is generated from here.
 */
import { z } from 'zod'

export const warnings = {
  'key-answered': 'The `Idempotency-Key` has its answer already: the real call gets that one and changes nothing.',
  'unreachable-route': 'A match of a route that no request can ever reach.',
  'overlap-with-app': 'Routes of two apps share a host and paths: a part of the requests goes to the other app.',
  'preview-hidden': 'A part of what a preview should show is answered by the public routes, which come first.',
  'no-endpoints': 'A release would get traffic where no agent sees a ready endpoint of it.',
  'silent-agent': 'An agent whose acknowledgement is asked for does not report now.',
  'cluster-without-agents': 'A cluster has no enrolled agent: nothing serves the change there.',
  'drain-closes': 'Exchanges or tunnels are open on the release that loses the traffic, and the app has a drain deadline.',
  'nothing-to-go-back-to': 'After this no former release is left to roll back to.',
} as const satisfies Record<string, string> // biome-ignore format: one code a line

export type WarningCode = keyof typeof warnings
export const warningCode = z.enum(Object.keys(warnings) as [WarningCode, ...WarningCode[]])
