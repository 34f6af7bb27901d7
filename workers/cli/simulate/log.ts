// A log of requests, line by line: a JSON object each, or a line as nginx and Apache write them (common, combined). What
// is no request is told with its line.
import * as z from 'zod'
import { unknownField } from '../../../shared/config/errors.ts'

export interface LoggedRequest {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly cf: Readonly<Record<string, unknown>>
  /** What an origin answered, and would answer again. */
  readonly answer: {
    readonly status: number
    /** To the head. */
    readonly ms: number
    readonly headers: Readonly<Record<string, string>>
  }
}

export interface BadLine {
  /** From 1. */
  readonly line: number
  readonly because: string
}

export interface Log {
  /** In the order of their time. */
  readonly requests: readonly LoggedRequest[]
  readonly bad: readonly BadLine[]
  /** How many lines were of the common or the combined format. */
  readonly commonLines: number
}

/** Some time after 1970, for lines that do not say when. */
const startMs = 1_700_000_000_000
const usualMs = 50

/** `host` is whom the requests of the common format were for, which it does not say. */
export function readLog(text: string, host: string): Log {
  const requests: LoggedRequest[] = []
  const bad: BadLine[] = []
  let commonLines = 0
  let at = startMs - 1
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const isJson = line.trimStart().startsWith('{')
    const read = isJson ? readJson(line, at + 1) : readCommon(line, host, at)
    if (typeof read === 'string') {
      bad.push({ line: index + 1, because: read })
      continue
    }
    if (!isJson) commonLines++
    at = read.at
    requests.push(read)
  }
  return { requests: requests.sort((left, right) => left.at - right.at), bad, commonLines }
}

// JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const fields = z
  .record(z.string(), z.string())
  .refine(areFields, 'has a name or a value that no header field can have')
  .default({})

const jsonLine = z.strictObject({
  at: z.number().min(0).optional(),
  method: z
    .string()
    .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is no method')
    .default('GET'),
  url: z.string('is missing, or no text').refine(isUrl, 'must be absolute, such as "https://www.example.com/a?b=c"'),
  headers: fields,
  status: z.int().min(100).max(599).default(200),
  ms: z.number().min(0).max(3_600_000).default(usualMs),
  response: fields,
  ip: z
    .string()
    .regex(/^[0-9A-Fa-f.:]+$/, 'is no address')
    .optional(),
  cf: z.record(z.string(), z.unknown()).default({}),
})

/** `next` is when it was where it does not say. */
function readJson(line: string, next: number): LoggedRequest | string {
  let document: unknown
  try {
    document = JSON.parse(line)
  } catch (error) {
    return `is not JSON: ${(error as Error).message}`
  }
  const parsed = jsonLine.safeParse(document)
  if (!parsed.success) return parsed.error.issues.flatMap(wordsOf).join('; ')
  const { at, method, url, headers, ip, cf, status, ms, response } = parsed.data
  return {
    at: at ?? next,
    method,
    url,
    headers: withAddress(headers, ip),
    cf,
    // A date of another time than the request's would make the answer old, or not yet begun.
    answer: { status, ms, headers: at === undefined ? withoutDate(response) : response },
  }
}

function wordsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [[...issue.path, issue.message].join(': ')]
  return issue.keys.map((name) => unknownField(name, Object.keys(jsonLine.shape)))
}

function areFields(record: Readonly<Record<string, string>>): boolean {
  try {
    new Headers(record)
    return true
  } catch {
    return false // that is the question
  }
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

function withAddress(headers: Readonly<Record<string, string>>, ip: string | undefined) {
  return ip === undefined ? headers : { ...headers, 'cf-connecting-ip': ip }
}

function withoutDate(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'date'))
}

// Common and combined ─────────────────────────────────────────────────────────────────────────────────────────────

/** address ident user [date] "method target protocol" status bytes "referer" "user agent" */
const commonLine =
  /^(?<ip>\S+) \S+ \S+ \[(?<date>[^\]]+)\] "(?<method>[A-Z]+) (?<target>\S+)(?: HTTP\/[\d.]+)?" (?<status>[1-5]\d\d) (?<bytes>\d+|-)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?/

/** Times are of whole seconds: those of one second are told one after the other, a millisecond apart. */
function readCommon(line: string, host: string, before: number): LoggedRequest | string {
  const found = commonLine.exec(line)?.groups
  if (found === undefined) return 'is neither a JSON object nor a line of the common log format'
  const { ip = '', date = '', method = '', target = '', status, bytes = '-', referer = '-', agent = '-' } = found
  const second = commonDate(date)
  if (second === undefined) return `has a time that cannot be read: ${date}`
  const url = target.startsWith('/') ? `https://${host}${target}` : target
  if (!isUrl(url)) return `has a target that is no path: ${target}`
  const said = { referer, 'user-agent': agent }
  const headers = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== '-'))
  if (!areFields(headers)) return 'has a referer or a user agent that no header field can have'
  const isLater = second > before || before >= second + 999
  return {
    at: isLater ? second : before + 1,
    method,
    url,
    headers: withAddress(headers, ip),
    cf: {},
    answer: { status: Number(status), ms: usualMs, headers: bytes === '-' ? {} : { 'content-length': bytes } },
  }
}

/** `10/Oct/2000:13:55:36 -0700` in milliseconds since the epoch. */
function commonDate(text: string): number | undefined {
  const found = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text)
  if (found === null) return undefined
  const [, day, month, year, time, hours, minutes] = found
  const at = Date.parse(`${day} ${month} ${year} ${time} GMT${hours}${minutes}`)
  return Number.isNaN(at) ? undefined : at
}
