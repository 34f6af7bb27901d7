// How the shared state cache says no.
import { etagOf } from '../../shared/state/conditions.ts'
import type { Refusal } from '../../shared/state/operation.ts'
import type { Problem } from '../problem.ts'

export const badRequest = (reason: string, detail: string): Problem => ({
  status: 400,
  reason,
  detail: `${detail} Nothing was changed.`,
})

export const noSuchKey: Problem = {
  status: 404,
  reason: 'no-such-key',
  detail: 'There is nothing under this key: nobody has put it, or its time is over.',
}

export const foreignNamespace = (namespace: string): Problem => ({
  status: 403,
  reason: 'foreign-namespace',
  detail: `This credential is of a pool that may not use the namespace "${namespace}": name the pool under "state.namespaces.${namespace}.pools", or use another namespace. Nothing was changed.`,
})

export const valueTooLarge = (namespace: string, maxBytes: number): Problem => ({
  status: 413,
  reason: 'too-large',
  detail: `A value of the namespace "${namespace}" may have ${maxBytes} bytes at most ("maxBytes"). Nothing was changed.`,
})

export const codedBody: Problem = {
  status: 415,
  reason: 'content-encoding',
  detail: 'Values are kept as they come, without a Content-Encoding: send it decoded, or name the coding in its type.',
}

/** Nobody knows what became of a change whose answer did not come. */
export const stateAway = (isChange: boolean): Problem => ({
  status: 503,
  reason: 'state-unavailable',
  detail: isChange
    ? 'The object that keeps this key did not answer in time. GET the key to see whether it was changed.'
    : 'The object that keeps this key did not answer in time. Ask again.',
  headers: { 'retry-after': '1' },
})

/** What a refusal is on the wire. */
export function refusalProblem(refusal: Refusal): Problem {
  switch (refusal.because) {
    case 'changed':
      return changed(refusal.version)
    case 'fenced':
      return {
        status: 412,
        reason: 'lease-superseded',
        detail:
          'Weir-Fencing-Token is not that of the last lease of this key: somebody else has been granted it since, or it is forgotten. Take the lease again before you write. Nothing was changed.',
        more: { newest: refusal.newest },
      }
    case 'held': {
      const until = new Date(refusal.until).toISOString()
      return {
        status: 409,
        reason: 'lease-held',
        detail: `"${refusal.holder}" has the lease of this key until ${until}: ask again then.`,
        more: { holder: refusal.holder, until },
      }
    }
    case 'no-number':
      return {
        status: 409,
        reason: 'not-a-number',
        detail:
          'What is under this key is no whole number that can be counted with: PUT one first. Nothing was changed.',
      }
    case 'out-of-bounds':
      return {
        status: 409,
        reason: 'out-of-bounds',
        detail: `The value is ${refusal.value}, and would leave "min" and "max", or what can be counted exactly. Nothing was changed.`,
        more: { value: refusal.value },
      }
    case 'full':
      return {
        status: 507,
        reason: 'state-full',
        detail:
          'The shard of this key is full: delete what is not needed, or raise "state.shards". Nothing was changed.',
      }
    case 'unsaved':
      return {
        status: 503,
        reason: 'database-unavailable',
        detail:
          'This namespace is written through to the database (D1), which does not answer. Nothing was changed: try again.',
        headers: { 'retry-after': '5' },
      }
    case 'moving':
      return {
        status: 503,
        reason: 'state-moving',
        detail:
          'The key could not be had in time: it may be on its way to another shard. Nothing was changed: try again.',
        headers: { 'retry-after': '1' },
      }
    case 'unfilled':
      return {
        status: 502,
        reason: 'not-filled',
        detail: `There is nothing under this key, and the route that it is filled from gave nothing to keep: ${refusal.why}.`,
      }
    default:
      return refusal satisfies never
  }
}

function changed(version: number | undefined): Problem {
  return {
    status: 412,
    reason: 'changed-meanwhile',
    detail:
      version === undefined
        ? 'There is nothing under this key, so If-Match names nothing: PUT it with If-None-Match: * instead. Nothing was changed.'
        : 'The key is not what If-Match or If-None-Match ask for: GET it, and apply your change to that. Nothing was changed.',
    ...(version !== undefined && { headers: { etag: etagOf(version) } }),
  }
}
