/** Signed, expiring links to a candidate on the app's own hosts: issued here, verified by every agent. */
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import { previewName, signPreviewLink } from '#wire/preview-link.ts'
import type { SigningKey } from '#wire/signature.ts'
import type { IssuedLink } from '../domain/decide/link.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'

export interface LinkSigner {
  /** The key that signs now. */
  signingKey(): SigningKey
  /** 16 hex digits. */
  newLinkId(): string
  /** Hosts of an app that a browser can be sent to. */
  hostsOf(app: string): readonly string[]
}

const dayMs = 86_400_000

const asked = z
  .strictObject({
    expiresInMs: z.int().min(1_000).max(limits.previewLinkMs).default(dayMs).meta({
      description: 'A day when left out.',
    }),
    path: names.pathValue.default('/').meta({ description: 'Where the link leads to.' }),
  })
  .meta({ id: 'PreviewLinkIntent' })

const shown = z
  .strictObject({
    id: z.string().meta({ description: 'What the audit knows it by.' }),
    app: names.appName,
    release: names.releaseId,
    expiresAtMs: z.int(),
    token: z.string().nullable().meta({
      description: 'Shown this once; null when a repeated call gets the recorded answer.',
    }),
    path: z
      .string()
      .nullable()
      .meta({ description: 'Path and query to open on a host of the app.' }),
    urls: z.array(z.string()).meta({ description: 'The same on each host that is no wildcard.' }),
  })
  .meta({ id: 'PreviewLink' })

export function definePreviewLinks(define: Define, taker: IntentTaker, signer: LinkSigner): void {
  define(
    {
      method: 'post',
      path: '/v1/releases/{id}/preview-links',
      tag: 'releases',
      summary: 'Issue a link that leads one browser to the candidate, until it expires',
      access: 'release',
      params: z.strictObject({ id: names.releaseId }),
      headers: mutationHeaders,
      body: asked.optional(),
      answers: { 201: { description: 'The link, shown once.', schema: shown } },
      rejections: [...mutationRejections, 'unknown-release', 'preview-not-linked'],
    },
    async ({ params, body, ...rest }) => {
      const { expiresInMs = dayMs, path = '/' } = body ?? {}
      const link = rest.dryRun ? '0'.repeat(16) : signer.newLinkId()
      const intent = { type: 'issue-preview-link', release: params.id, link, expiresInMs } as const
      return takeIntent(taker, intent, rest, {
        async body(answer, repeated) {
          const issued = answer as IssuedLink
          if (repeated) return { ...issued, token: null, path: null, urls: [] }
          const token = await signPreviewLink(issued, signer.signingKey())
          const target = `${path}${path.includes('?') ? '&' : '?'}${previewName}=${token}`
          const hosts = signer.hostsOf(issued.app).filter((host) => !host.startsWith('*'))
          const urls = hosts.map((host) => `http://${host}${target}`)
          return { ...issued, token, path: target, urls }
        },
      })
    },
  )
}
