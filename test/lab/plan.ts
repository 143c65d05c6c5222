/** What is asked of a lab: its name, its addresses, what it is made of; checked once, with every default. */
import { isIPv4 } from 'node:net'
import { z } from 'zod'

const cidr = z.string().refine((text) => {
  const [address = '', bits = ''] = text.split('/')
  return isIPv4(address) && /^\d+$/.test(bits) && Number(bits) >= 8 && Number(bits) <= 28
}, 'wants an IPv4 range of 8 to 28 bits, such as 10.244.0.0/24')

export const labPlan = z.strictObject({
  /** Also the name of the node. Short, because it is part of a network interface's name (15 bytes). */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,9}$/, 'wants a lower-case letter and up to 9 letters, digits or -')
    .default('lab'),
  podCidr: cidr.default('10.244.0.0/24'),
  serviceCidr: cidr.default('10.96.0.0/16'),
  nodeAddress: z.ipv4('wants an IPv4 address').default('10.99.0.1'),
  /** False: etcd, the API server and the controllers alone; nothing runs pods. */
  nodes: z.boolean().default(true),
  /** Whether the API server keeps an audit log. */
  audit: z.boolean().default(false),
})
export type LabPlan = z.infer<typeof labPlan>
export type LabRequest = z.input<typeof labPlan>

/** The address that lies `n` behind the first one of a range. */
export function addressIn(range: string, n: number): string {
  const bytes = range.split('/')[0]!.split('.').map(Number)
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0) + n
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

/** By convention the first service is the API server's and the tenth is DNS. */
export const apiServiceAddress = (plan: LabPlan): string => addressIn(plan.serviceCidr, 1)
export const dnsAddress = (plan: LabPlan): string => addressIn(plan.serviceCidr, 10)
