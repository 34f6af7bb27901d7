// A session in header fields (RFC 9651): its values as an origin gets them, and what an origin says is to become of them.
// Texts, numbers, booleans and lists of them are written as such; all else is JSON in a text with the parameter `json`,
// both ways: `cart="[{\"id\":1}]";json`.
import {
  type BareItem,
  DisplayString,
  type InnerList,
  type Item,
  parseDictionary,
  parseItem,
  parseList,
  serializeBareItem,
  serializeDictionary,
  Token,
} from 'structured-headers'
import type { Fields } from '../http/fields.ts'
import { isArray, type Json, parseJson } from '../json/json.ts'
import { err, ok, type Result } from '../result.ts'
import type { SessionChange, Values } from './session.ts'

// To an origin ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface WrittenValues {
  /** Of Weir-Session; empty where nothing is written. */
  readonly text: string
  /** The keys of what is not in it: they are no keys of RFC 9651, or there is no room. */
  readonly omitted: readonly string[]
}

/** The values, as far as they fit into so many bytes: what does not fit is left out, and what comes behind it is tried. */
export function formatValues(values: Values, maxBytes: number): WrittenValues {
  const written: string[] = []
  const omitted: string[] = []
  let bytes = 0
  for (const [key, value] of Object.entries(values)) {
    const member = fieldKey.test(key) ? serializeDictionary(new Map([[key, itemOf(value)]])) : undefined
    // With the comma and the space before it. All of it is ASCII.
    const size = (member?.length ?? 0) + (written.length > 0 ? 2 : 0)
    if (member === undefined || bytes + size > maxBytes) omitted.push(key)
    else {
      written.push(member)
      bytes += size
    }
  }
  return { text: written.join(', '), omitted }
}

/** A list of keys, as far as they fit into so many bytes and can be written at all. */
export function formatKeys(keys: readonly string[], maxBytes: number): string {
  let text = ''
  for (const key of keys) {
    const bare = bareOf(key)
    const member = bare === undefined ? '' : `${text === '' ? '' : ', '}${serializeBareItem(bare)}`
    if (text.length + member.length > maxBytes) break
    text += member
  }
  return text
}

/** RFC 9651 §3.1.2 */
const fieldKey = /^[a-z*][a-z0-9_.*-]*$/

const asJson: Item[1] = new Map([['json', true]])

function itemOf(value: Json): Item | InnerList {
  const bare = bareOf(value)
  if (bare !== undefined) return [bare, new Map()]
  const items = isArray(value) ? value.map(bareOf) : []
  if (isArray(value) && items.every((each) => each !== undefined)) {
    return [items.map((each): Item => [each, new Map()]), new Map()]
  }
  return [jsonText(value), asJson]
}

/** As one of the types of RFC 9651 that it comes back from as it was; undefined where there is none. */
function bareOf(value: Json): BareItem | undefined {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'number':
      return isFieldNumber(value) ? value : undefined
    case 'string':
      if (printable.test(value)) return value
      return value.isWellFormed() && !control.test(value) ? new DisplayString(value) : undefined
    default:
      return undefined
  }
}

const printable = /^[\x20-\x7e]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const control = /[\x00-\x1f\x7f]/

/** RFC 9651 §3.3.1, §3.3.2: integers of 15 digits, decimals of 12 with 3 behind the point. */
function isFieldNumber(value: number): boolean {
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 && !Object.is(value, -0)
  return Math.abs(value) < 1e12 && Number(value.toFixed(3)) === value
}

/** In ASCII. */
const jsonText = (value: Json): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

// From an origin ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What an origin's answer says is to become of the session. */
export interface Said {
  readonly change: Extract<SessionChange, { kind: 'set' }> | undefined
  /** Only if the session is of this version. */
  readonly ifVersion: number | undefined
  readonly regenerate: boolean
  readonly destroy: boolean
}

/** Reads the fields of an answer. The error is a sentence that says which field is wrong, and what it should be. */
export function readSaid(fields: Fields): Result<Said, string> {
  let name = ''
  const field = <T>(its: string, read: (text: string) => T): T | undefined => {
    name = its
    const text = fields.get(name)
    return text === null ? undefined : read(text)
  }
  try {
    const values = field('weir-session-set', readValues)
    const keys = field('weir-session-delete', readKeys)
    return ok({
      change: values || keys ? { kind: 'set', values: values ?? {}, delete: keys ?? [] } : undefined,
      ifVersion: field('weir-session-if-match', readVersion),
      regenerate: field('weir-session-regenerate', readFlag) ?? false,
      destroy: field('weir-session-destroy', readFlag) ?? false,
    })
  } catch (error) {
    return err(`The field ${name} of the answer cannot be read: ${error instanceof Unread ? error.message : hints}`)
  }
}

const hints =
  'it is not of its type in RFC 9651. Write Weir-Session-Set: cart="3", admin=?0 (a dictionary), Weir-Session-Delete: cart, user (a list of keys), Weir-Session-Regenerate: ?1, Weir-Session-Destroy: ?1, Weir-Session-If-Match: 5.'

/** What is of its type, and yet cannot be meant. */
class Unread extends Error {}

function readValues(text: string): Values {
  const members = [...parseDictionary(text)].map(([key, member]): [string, Json] => [key, jsonOf(key, member)])
  return Object.fromEntries(members)
}

function jsonOf(key: string, [value, parameters]: Item | InnerList): Json {
  if (Array.isArray(value)) return value.map(([each]) => plainOf(key, each))
  const plain = plainOf(key, value)
  if (parameters.get('json') !== true) return plain
  const json = typeof plain === 'string' ? parseJson(plain) : err('is no text')
  if (!json.ok) throw new Unread(`its member ${key} has the parameter json, but ${json.error}.`)
  return json.value
}

function plainOf(key: string, value: BareItem): Json {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Token || value instanceof DisplayString) return value.toString()
  throw new Unread(`its member ${key} is of a type that sessions do not keep: send it as a text in quotes.`)
}

function readKeys(text: string): string[] {
  return parseList(text).map(([value]) => {
    if (value instanceof Token || typeof value === 'string') return value.toString()
    throw new Unread('it is to be a list of keys, such as `cart, user`.')
  })
}

function readVersion(text: string): number {
  const [value] = parseItem(text)
  const version = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof version === 'number' && Number.isInteger(version)) return version
  throw new Unread('it is to be a version as Weir-Session-Version tells it, such as `5`.')
}

function readFlag(text: string): boolean {
  const [value] = parseItem(text)
  if (typeof value === 'boolean') return value
  throw new Unread('it is to be `?1`, or absent.')
}
