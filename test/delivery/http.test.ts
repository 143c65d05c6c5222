import { deliveryCases } from './delivery.cases.ts'
import { openHttpRig } from './rig.ts'

deliveryCases('http', openHttpRig)
