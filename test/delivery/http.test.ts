import { deliveryCases } from './delivery.cases.ts'
import { reportCases } from './reports.cases.ts'
import { openHttpRig } from './rig.ts'

deliveryCases('http', openHttpRig)
reportCases('http', openHttpRig)
