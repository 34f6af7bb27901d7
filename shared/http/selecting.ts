// What do the request's fields select? Each in the one form that the variant's key and the origin both get, so that
// requests that mean the same share a variant, and no variant is made of what the origin did not see.
import { originAcceptEncoding } from './content-coding.ts'
import type { Fields } from './fields.ts'
import { normaliseAccept, normaliseAcceptLanguage, normaliseField } from './negotiation.ts'

/** What a route offers, where it says so. */
export interface Offer {
  readonly languages?: readonly string[] | undefined
  readonly types?: readonly string[] | undefined
}

/** The normal form of one field (its name in lower case), null for none. */
export function selectingValue(fields: Fields, name: string, offer: Offer): string | null {
  const value = fields.get(name)
  switch (name) {
    case 'accept-encoding':
      return originAcceptEncoding(value)
    case 'accept-language':
      return normaliseAcceptLanguage(value, offer.languages)
    case 'accept':
      return normaliseAccept(value, offer.types)
    default:
      return normaliseField(value)
  }
}

/** The fields whose normal form goes to the origin in place of the client's. */
export const negotiated = ['accept', 'accept-encoding', 'accept-language'] as const
