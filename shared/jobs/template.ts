// The payload of a job that a route enqueues: JSON in whose texts `{…}` stands for what the request or its answer says.
// `{response.image}` is a member of the JSON answer, `{response.items.0.id}` one further down; `{answer.NAME}` a field of
// the answer's head; `{request.method}`, `{request.host}`, `{request.path}`, `{request.query.NAME}` and
// `{request.header.NAME}` are of the request. A text that is one placeholder becomes the value itself, whatever its type.
// `{{` is a brace. Where the answer lacks what is asked for there is nothing to do: no payload, and no job.

import type { Json } from './envelope.ts'

/** What placeholders are filled from; header names in lower case. */
export interface Sources {
  readonly request: {
    readonly method: string
    readonly host: string
    readonly path: string
    readonly query: (name: string) => string | null
    readonly header: (name: string) => string | null
  }
  readonly answer: (name: string) => string | null
  /** Undefined where it is not JSON, or was not read. */
  readonly response: Json | undefined
}

/** A piece of text, or the path of a placeholder. */
type Piece = string | readonly string[]

/** Fields that let their bearer in: a job keeps none of them. */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])

/** What is wrong with the placeholders in a template, and what to write instead; undefined where they are fine. */
export function checkTemplate(template: Json): string | undefined {
  for (const text of textsOf(template)) {
    const pieces = piecesOf(text)
    if (pieces === undefined) return 'has a "{" that no "}" follows: write "{{" for a brace'
    for (const piece of pieces) {
      const problem = typeof piece === 'string' ? undefined : checkPlace(piece)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

/** Whether the body of the answer has to be read for it. */
export function needsResponse(template: Json): boolean {
  return textsOf(template).some((text) =>
    piecesOf(text)?.some((piece) => typeof piece !== 'string' && piece[0] === 'response'),
  )
}

/** The template with everything in its place; undefined where something is not there. */
export function fillTemplate(template: Json, sources: Sources): Json | undefined {
  if (typeof template === 'string') return fillText(template, sources)
  if (template === null || typeof template !== 'object') return template
  if (Array.isArray(template)) {
    const filled = template.map((each: Json) => fillTemplate(each, sources))
    return filled.includes(undefined) ? undefined : (filled as Json[])
  }
  const filled = Object.entries(template).map(([name, value]) => [name, fillTemplate(value, sources)] as const)
  return filled.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(filled) as Json)
}

function fillText(text: string, sources: Sources): Json | undefined {
  const pieces = piecesOf(text) ?? [text]
  const values = pieces.map((piece) => (typeof piece === 'string' ? piece : valueAt(piece, sources)))
  if (values.includes(undefined)) return undefined
  if (values.length === 1) return values[0]
  return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('')
}

function valueAt([root, ...path]: readonly string[], { request, answer, response }: Sources): Json | undefined {
  const [kind = '', ...rest] = path
  const name = rest.join('.')
  if (root === 'response') return path.reduce<Json | undefined>(memberOf, response)
  if (root === 'answer') return answer(path.join('.').toLowerCase()) ?? undefined
  switch (kind) {
    case 'method':
    case 'host':
    case 'path':
      return request[kind]
    case 'query':
      return request.query(name) ?? undefined
    default:
      return request.header(name.toLowerCase()) ?? undefined
  }
}

/** Only what is JSON's own: no list has a length here, no object a constructor. null is as nothing. */
function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? (value[Number(name)] ?? undefined) : undefined
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as { readonly [name: string]: Json })[name] ?? undefined
}

function checkPlace([root = '', ...path]: readonly string[]): string | undefined {
  const written = `"{${[root, ...path].join('.')}}"`
  const [kind = '', ...rest] = path
  const isWhole = path.length > 0 && path.every((part) => part !== '')
  const name = root === 'answer' ? path.join('.') : rest.join('.')
  const isHeader = root === 'answer' || (root === 'request' && kind === 'header')
  if (isHeader && secret.has(name.toLowerCase())) {
    return `has ${written}, which lets its bearer in: a job must not keep it`
  }
  if (isWhole && (root === 'response' || root === 'answer')) return undefined
  const isKnown =
    isWhole &&
    root === 'request' &&
    (rest.length === 0 ? ['method', 'host', 'path'] : ['query', 'header']).includes(kind)
  return isKnown
    ? undefined
    : `has ${written}, which is nothing: there are {response.NAME}, {answer.HEADER}, {request.method}, {request.host}, {request.path}, {request.query.NAME} and {request.header.NAME}; write "{{" for a brace`
}

/** Text and placeholders in turn; undefined where a brace is left open. */
function piecesOf(text: string): Piece[] | undefined {
  const pieces: Piece[] = []
  let plain = ''
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '{' || text[at + 1] === '{') {
      plain += text[at]
      if (text[at] === '{') at++
      continue
    }
    const end = text.indexOf('}', at)
    if (end < 0) return undefined
    if (plain !== '') pieces.push(plain)
    plain = ''
    pieces.push(text.slice(at + 1, end).split('.'))
    at = end
  }
  if (plain !== '' || pieces.length === 0) pieces.push(plain)
  return pieces
}

function textsOf(template: Json): string[] {
  if (typeof template === 'string') return [template]
  return template === null || typeof template !== 'object' ? [] : Object.values(template).flatMap(textsOf)
}
