// The section `services`: who may call which service of this deployment, and where calls out may go. What has to agree with
// the pools is in cross-services.ts.
import * as z from 'zod'
import { checkUrlRule } from '../url-rule.ts'
import { listNames, quote } from './errors.ts'
import { checked, required, whole } from './fields.ts'
import { internalServiceNames, serviceNames } from './inner-origin.ts'

const MAX_ROWS = 100
const MAX_PLACES = 100
const MAX_EGRESS_BYTES = 26_214_400

/** All services, also those behind no route. */
const calleeNames: readonly string[] = [...serviceNames, ...internalServiceNames]

/** `pool:NAME` is whoever shows a credential of that pool. */
export const poolOfCaller = (caller: string): string | undefined => /^pool:([A-Za-z0-9_-]{1,64})$/.exec(caller)?.[1]

const caller = checked(
  (text) =>
    calleeNames.includes(text) || poolOfCaller(text) !== undefined
      ? undefined
      : `must be a service (${listNames(calleeNames)}) or "pool:NAME"; got ${quote(text)}`,
  required('say who calls: a service, or "pool:NAME"'),
)

const callee = checked((text) =>
  calleeNames.includes(text)
    ? undefined
    : `names no service: the services are ${listNames(calleeNames)}; got ${quote(text)}`,
)

const rowSchema = z.strictObject({
  from: caller,
  /** The services that it may call; none at all where the list is empty. */
  to: z.array(callee, { error: required('name the services that it may call, such as ["catalog"]') }),
})

/** Calls to other servers, by whoever shows a credential, and by services that are named. Absent: there are none. */
const egressSchema = z.strictObject({
  /** `https://HOST/PATH`, with `*`; redirects have to lead to one of these too. */
  allow: z.array(checked(checkUrlRule)).max(MAX_PLACES, `must be ${MAX_PLACES} at most`).default([]),
  /** Services that may call out too. The pages go wherever in the list their visitors say. */
  from: z.array(callee).default([]),
  /** Until the last byte of the answer has come, redirects included. */
  timeoutMs: whole(1, 60_000).default(10_000),
  /** Of what is sent, and of the answer. */
  maxBytes: whole(1, MAX_EGRESS_BYTES).default(10_485_760),
})

export const servicesSchema = z.strictObject({
  /** Whoever is not named here: a service calls what it was built to call, a pool nothing. */
  policy: z.array(rowSchema).max(MAX_ROWS, `must be ${MAX_ROWS} at most`).default([]),
  egress: egressSchema.prefault({}),
})

export type ServicesRule = z.output<typeof servicesSchema>
export type EgressRule = ServicesRule['egress']

export const defaultServices: ServicesRule = servicesSchema.parse({})
