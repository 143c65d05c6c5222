/** All cases of a request head. */
import type { RequestCase } from './http-case.ts'
import { connectionCases } from './http-connection.cases.ts'
import { fieldCases } from './http-fields.cases.ts'
import { requestLineCases } from './http-line.cases.ts'

export const requestCases: readonly RequestCase[] = [
  ...requestLineCases,
  ...fieldCases,
  ...connectionCases,
]
