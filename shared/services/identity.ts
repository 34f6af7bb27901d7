// Who a service is called by, as the request shows it: signed for one service, one method and one target, and for half a
// minute. Within that time the same request could be sent again by whoever has seen it; it never leaves the Worker.

/** What is signed. */
export interface Identity {
  /** A service, or `pool:NAME`. */
  readonly caller: string
  readonly callee: string
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/** The field that carries it; no client's is ever believed. */
export const identityField = 'weir-service-identity'

export const identityMs = 30_000

/** No two identities are signed as the same text, nor is anything else of this gateway. */
export function signedText({ caller, callee, method, target, expires }: Identity): string {
  return `service ${JSON.stringify([caller, callee, method, target, expires])}`
}

/** What goes into the field: the request itself says the rest. */
export const formatIdentity = ({ caller, expires }: Identity, mac: string): string => `${expires}.${caller}.${mac}`

export interface ShownIdentity {
  readonly caller: string
  readonly expires: number
  readonly mac: string
}

/** Undefined where the field has another form. */
export function parseIdentity(field: string | null): ShownIdentity | undefined {
  const [, expires, caller, mac] = /^(\d{1,15})\.([\w:-]{1,80})\.([\w-]{43})$/.exec(field ?? '') ?? []
  if (expires === undefined || caller === undefined || mac === undefined) return undefined
  return { caller, expires: Number(expires), mac }
}

/** Whether it is of now; one from further ahead than any is given for was made by no clock of ours. */
export const isCurrent = ({ expires }: Pick<Identity, 'expires'>, now: number): boolean =>
  expires > now && expires <= now + 2 * identityMs
