import { deliveryCases } from './delivery.cases.ts'
import { openNatsRig } from './rig.ts'

deliveryCases('nats', openNatsRig)
