import { deliveryCases } from './delivery.cases.ts'
import { reportCases } from './reports.cases.ts'
import { openNatsRig } from './rig.ts'

deliveryCases('nats', openNatsRig)
reportCases('nats', openNatsRig)
