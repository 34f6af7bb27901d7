// What the gateway keeps of a visitor, as an origin sees it: a header field with the values, and another that changes them
// (RFC 9651 dictionaries). Origins hold nothing of it.
import type { IncomingMessage } from 'node:http'
import { type BareItem, DisplayString, parseDictionary, serializeDictionary } from 'structured-headers'

/** The values by their keys; texts, numbers and booleans alone, which is what this shop writes. */
export type Values = ReadonlyMap<string, string | number | boolean>

/** Of the visitor who asks; none where nothing has been kept yet. The gateway lets no client send the field. */
export function valuesOf(request: IncomingMessage): Values {
  const field = request.headers['weir-session']
  if (typeof field !== 'string') return new Map()
  const members = [...parseDictionary(field)].map(([key, [value]]) => [key, plainOf(value as BareItem)] as const)
  return new Map(members.filter((member): member is [string, string | number | boolean] => member[1] !== undefined))
}

function plainOf(value: BareItem): string | number | boolean | undefined {
  if (value instanceof DisplayString) return value.toString()
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

/** The header that sets one value, and leaves all others as they are. */
export function setting(key: string, value: string | number): Record<string, string> {
  const item = typeof value === 'string' && !/^[\x20-\x7e]*$/.test(value) ? new DisplayString(value) : value
  return { 'Weir-Session-Set': serializeDictionary(new Map([[key, [item, new Map()]]])) }
}

/** The header that removes one. */
export function removing(key: string): Record<string, string> {
  return { 'Weir-Session-Delete': key }
}
