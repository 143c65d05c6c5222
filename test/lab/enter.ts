/** Finds a lab that runs by its name, whoever started it. */
import { type LabRecord, runningLabs } from './lab-folder.ts'

export function findLab(name: string): LabRecord {
  const labs = runningLabs().filter(({ pid }) => pid !== 0)
  const found = labs.find((lab) => lab.name === name)
  if (found) return found
  const others = labs.map((lab) => lab.name).join(', ')
  throw new Error(
    `no cluster named ${name} runs; ${others ? `these do: ${others}` : '`npm run cluster` starts one'}`,
  )
}
