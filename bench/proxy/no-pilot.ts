/** Stands where an agent's pilot would be: the benchmark's worker serves its files and needs none. */
import { supervised } from '../../agent/child.ts'

supervised(() => process.exit(0))
