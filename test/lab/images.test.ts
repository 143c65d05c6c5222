import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { baseImage } from './base-image.ts'
import { buildImage } from './images.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const name = 'lab/greeting:1'
const program = `const version: string = process.version
console.log(version, 'user', process.getuid?.(), process.env.WORD)`

const dockerfile = `ARG NODE=${baseImage}
FROM \${NODE} AS greeting
ARG WORD=none
WORKDIR /greeting
COPY greeting.ts ./
RUN npm --version
ENV WORD=\${WORD}
USER 1000:1000
ENTRYPOINT ["node", "greeting.ts"]

FROM greeting AS other
RUN exit 3
`

describe.skipIf(whyNoLab({ nodes: true, images: true }))('images', { timeout: 300_000 }, () => {
  let context: string
  let cluster: Cluster

  beforeAll(async () => {
    context = await mkdtemp(join(tmpdir(), 'swy-context-'))
    await writeFile(join(context, 'Dockerfile'), dockerfile)
    await writeFile(join(context, 'greeting.ts'), program)
    cluster = await startCluster({ name: 'images' })
  }, 300_000)
  afterAll(async () => {
    await cluster?.stop()
    await rm(context, { recursive: true, force: true })
  })

  test('a Dockerfile is built on the local base image and runs as a pod', async () => {
    const archive = await buildImage({
      dockerfile: join(context, 'Dockerfile'),
      context,
      name,
      target: 'greeting',
      buildArguments: { WORD: 'hello' },
    })
    await cluster.loadImage(archive)
    const run = ['run', 'greeting', '--image', name, '--image-pull-policy=Never']
    await cluster.kubectl([...run, '--restart=Never'])
    const log = await until(
      'the log of the pod',
      () => cluster.kubectl(['logs', 'greeting']),
      (text) => text.endsWith('\n'),
      60_000,
    )
    expect(log).toBe(`${process.version} user 1000 hello\n`)
  })

  test('a step that fails is named with what it said', async () => {
    const plan = { dockerfile: join(context, 'Dockerfile'), context, name, target: 'other' }
    await expect(buildImage(plan)).rejects.toThrow(/RUN exit 3.*exit status 3/)
  })
})
