// What the hash policy hashes of a request.
import type { Pool } from './config/schema.ts'
import type { Fields } from './http/fields.ts'
import type { Target } from './http/target.ts'
import { parseCookies } from './key.ts'

export interface Hashed {
  readonly target: Target
  /** Of the request, as the client sent them. */
  readonly fields: Fields
  /** The address of the client. */
  readonly address: string
  /** Absent where the request has none: then the address stands in. */
  readonly session?: string | undefined
}

/** Undefined where the request does not have what `hashOn` names. */
export function hashKeyOf(hashOn: Pool['hashOn'], { target, fields, address, session }: Hashed): string | undefined {
  switch (hashOn) {
    case 'ip':
      return address
    case 'session':
      return session ?? address
    case 'path':
      return target.path
    case 'url':
      return `${target.scheme}://${target.host}${target.path}${target.query}`
    default: {
      const name = hashOn.slice(hashOn.indexOf(':') + 1)
      if (hashOn.startsWith('cookie:')) return parseCookies(fields.get('cookie')).get(name)
      return fields.get(name) ?? undefined
    }
  }
}
