// RFC 6902: a list of operations, all of which are done or none. `test` makes a change depend on what is there, so that
// two who change the same value at once both succeed, or one of them hears of it.
import { err, ok, type Result } from '../result.ts'
import { isArray, isObject, type Json, maxDepth } from './json.ts'
import { parsePointer } from './json-pointer.ts'

export type JsonPatch = readonly Operation[]

/** Paths are JSON pointers (RFC 6901). */
export type Operation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: Json }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string }
  | { readonly op: 'remove'; readonly path: string }

export const maxOperations = 1000

/** In characters of JSON, of all that one patch copies: each copy may hold those before it, and doubles. */
const maxCopied = 1_048_576

// Reading one ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a document says is to be done, or a clause that says why it is no patch. Members that it need not have are ignored. */
export function parseJsonPatch(document: Json): Result<JsonPatch, string> {
  if (!isArray(document)) return err('must be a list of operations')
  if (document.length > maxOperations) return err(`has more than ${maxOperations} operations`)
  const patch: Operation[] = []
  for (const [index, each] of document.entries()) {
    const operation = parseOperation(each)
    if (!operation.ok) return err(`operation ${index + 1} ${operation.error}`)
    patch.push(operation.value)
  }
  return ok(patch)
}

function parseOperation(each: Json): Result<Operation, string> {
  if (!isObject(each)) return err('must be an object')
  const own = new Map(Object.entries(each))
  const [op, path, from, value] = ['op', 'path', 'from', 'value'].map((name) => own.get(name))
  const at = pointer('path', path)
  if (!at.ok) return at
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      return value === undefined ? err(`needs a "value" to ${op}`) : ok({ op, path: at.value, value })
    case 'move':
    case 'copy': {
      const source = pointer('from', from)
      if (!source.ok) return source
      const isInside = op === 'move' && at.value.startsWith(`${source.value}/`)
      return isInside ? err('would move a value into itself') : ok({ op, from: source.value, path: at.value })
    }
    case 'remove':
      return at.value === '' ? err('would remove the whole document') : ok({ op, path: at.value })
    default:
      return err('must have an "op": add, remove, replace, move, copy or test')
  }
}

function pointer(name: string, text: Json | undefined): Result<string, string> {
  if (typeof text !== 'string') return err(`needs a "${name}"`)
  const parsed = parsePointer(text)
  return parsed.ok ? ok(text) : err(`has a "${name}" that ${parsed.error}`)
}

// Doing it ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What becomes of `target`, which stays as it is; or a clause that says which operation could not be done and why: then
 * nothing was. A target that is at most `maxDepth` deep stays so.
 */
export function applyJsonPatch(target: Json, patch: JsonPatch): Result<Json, string> {
  const draft = new Draft(target)
  for (const [index, operation] of patch.entries()) {
    const trouble = draft.apply(operation)
    if (trouble !== undefined) return err(`operation ${index + 1} (${operation.op} ${operation.path}) ${trouble}`)
  }
  return ok(draft.whole)
}

/** A copy of ours alone. Objects are maps in it: their members are never a prototype's. */
type Open = null | boolean | number | string | Open[] | Map<string, Open>

/** Says what is wrong, or nothing. */
type Trouble = string | undefined

class Draft {
  #root: Open
  #copied = 0

  constructor(target: Json) {
    this.#root = open(target)
  }

  get whole(): Json {
    return close(this.#root)
  }

  apply(operation: Operation): Trouble {
    const path = namesOf(operation.path)
    switch (operation.op) {
      case 'add':
        return this.#add(path, open(operation.value))
      case 'remove':
        return this.#remove(path)
      case 'replace':
        return this.#find(path) === undefined ? absent : this.#put(path, open(operation.value))
      case 'test':
        return this.#test(path, operation.value)
      case 'move':
        return this.#move(namesOf(operation.from), path)
      case 'copy':
        return this.#copy(namesOf(operation.from), path)
      default:
        return operation satisfies never
    }
  }

  #find(path: readonly string[]): Open | undefined {
    return path.reduce<Open | undefined>(memberOf, this.#root)
  }

  /** RFC 6902 §4.1: what stands there is replaced in an object, and moves up in an array. */
  #add(path: readonly string[], value: Open): Trouble {
    const name = path.at(-1)
    const parent = this.#find(path.slice(0, -1))
    if (name === undefined || !Array.isArray(parent)) return this.#put(path, value)
    const index = name === '-' ? parent.length : indexOf(name)
    if (index === undefined || index > parent.length) return 'is at no position of the list'
    if (isTooDeep(path, value)) return tooDeep
    parent.splice(index, 0, value)
    return undefined
  }

  #put(path: readonly string[], value: Open): Trouble {
    const name = path.at(-1)
    const parent = this.#find(path.slice(0, -1))
    if (isTooDeep(path, value)) return tooDeep
    if (name === undefined) this.#root = value
    else if (parent instanceof Map) parent.set(name, value)
    else if (Array.isArray(parent)) parent[Number(name)] = value
    else return 'is in nothing that has members'
    return undefined
  }

  #remove(path: readonly string[]): Trouble {
    const name = path.at(-1) ?? ''
    const parent = this.#find(path.slice(0, -1))
    if (parent === undefined || memberOf(parent, name) === undefined) return absent
    if (Array.isArray(parent)) parent.splice(Number(name), 1)
    else if (parent instanceof Map) parent.delete(name)
    return undefined
  }

  #test(path: readonly string[], value: Json): Trouble {
    const found = this.#find(path)
    if (found === undefined) return absent
    return equals(found, value) ? undefined : 'finds another value'
  }

  #move(from: readonly string[], path: readonly string[]): Trouble {
    const moved = this.#find(from)
    if (moved === undefined) return nothingFrom
    if (from.length === 0) return undefined
    return this.#remove(from) ?? this.#add(path, moved)
  }

  #copy(from: readonly string[], path: readonly string[]): Trouble {
    const found = this.#find(from)
    if (found === undefined) return nothingFrom
    const copied = close(found)
    this.#copied += JSON.stringify(copied).length
    if (this.#copied > maxCopied) return `copies more than ${maxCopied} characters`
    return this.#add(path, open(copied))
  }
}

const absent = 'finds nothing there'
const nothingFrom = 'finds nothing at "from"'
const tooDeep = `would nest more than ${maxDepth} deep`

/** The pointers of a patch were read when it was. */
function namesOf(text: string): readonly string[] {
  const parsed = parsePointer(text)
  return parsed.ok ? parsed.value : []
}

function memberOf(value: Open | undefined, name: string): Open | undefined {
  if (value instanceof Map) return value.get(name)
  const index = Array.isArray(value) ? indexOf(name) : undefined
  return index === undefined ? undefined : (value as Open[])[index]
}

/** RFC 6901 §4: no leading zeros. */
const indexOf = (name: string): number | undefined => (/^(?:0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : undefined)

/** RFC 6902 §4.6: by what they say; the order of an object's members says nothing. */
function equals(left: Open, right: Json): boolean {
  if (Array.isArray(left)) {
    return isArray(right) && left.length === right.length && left.every((each, at) => equals(each, right[at] ?? null))
  }
  if (!(left instanceof Map)) return left === right
  if (!isObject(right)) return false
  const members = Object.entries(right)
  return (
    members.length === left.size &&
    members.every(([name, each]) => {
      const own = left.get(name)
      return own !== undefined && equals(own, each)
    })
  )
}

const isTooDeep = (path: readonly string[], value: Open): boolean => isDeeperThan(value, maxDepth - path.length)

function isDeeperThan(value: Open, depth: number): boolean {
  if (depth <= 0) return true
  const members = Array.isArray(value) ? value : value instanceof Map ? [...value.values()] : []
  return members.some((each) => isDeeperThan(each, depth - 1))
}

function open(value: Json): Open {
  if (isArray(value)) return value.map(open)
  return isObject(value) ? new Map(Object.entries(value).map(([name, each]) => [name, open(each)])) : value
}

function close(value: Open): Json {
  if (Array.isArray(value)) return value.map(close)
  return value instanceof Map ? Object.fromEntries([...value].map(([name, each]) => [name, close(each)])) : value
}
