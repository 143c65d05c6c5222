/**
 * Whether the tests that need a lab run here. With `CI` set they always do, and fail where they cannot. On a
 * developer's machine they run once everything is there, because a first build takes minutes.
 */
import {
  controlPlaneNeeds,
  imageNeeds,
  missingPackages,
  nodeNeeds,
  whyNotHere,
} from './prerequisites.ts'
import { areBuilt } from './programs/build.ts'
import { controlPlanePrograms, nodePrograms } from './programs/catalogue.ts'

export interface LabNeeds {
  readonly nodes: boolean
  readonly images?: boolean
}

/** A sentence that says why not, printed once; null when they run. */
export function whyNoLab(needs: LabNeeds): string | null {
  const why = process.env.CI ? null : reason(needs)
  if (why) console.log(`tests in a lab are skipped: ${why}`)
  return why
}

function reason({ nodes, images = false }: LabNeeds): string | null {
  const prepare = 'prepare it with `npm run cluster -- prepare`'
  const missing = missingPackages([
    ...(nodes ? nodeNeeds : controlPlaneNeeds),
    ...(images ? imageNeeds : []),
  ])
  const built = areBuilt(nodes ? nodePrograms : controlPlanePrograms)
  return (
    whyNotHere() ??
    (missing.length > 0 ? `${missing.join(', ')} missing; ${prepare}` : null) ??
    (built ? null : `Kubernetes is not built yet; ${prepare}`)
  )
}
