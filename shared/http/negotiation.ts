// What does a client prefer, in one spelling for all who prefer the same? (RFC 9110 §12.) The normal form selects the
// variant, and is what the origin is sent: so nobody gets what another spelling was answered with.

/** In thousandths: 1000 is `q=1` (RFC 9110 §12.4.2). */
type Weight = number

/** The members of a field by their normal spelling, those that are refused (0) among them. */
type Preferences = Map<string, Weight>

const maxLanguages = 8
const maxMediaRanges = 12

/**
 * Accept-Language in its normal form, without what is refused; or, of the languages that the route says are `offered`,
 * the best one as it is spelt there. Null where nothing is asked for that can be read, or none that is offered.
 */
export function normaliseAcceptLanguage(value: string | null, offered?: readonly string[]): string | null {
  if (value === null) return null
  const preferences = parsePreferences(value, languageRange)
  if (offered === undefined) return format(preferences, maxLanguages)
  return best(offered, (language) => languageFit(language.toLowerCase(), preferences))
}

/**
 * Accept in its normal form, without what is refused; or, of the media types that the route says are `offered`, the
 * best one as it is spelt there. Null where nothing is asked for that can be read, or none that is offered.
 */
export function normaliseAccept(value: string | null, offered?: readonly string[]): string | null {
  if (value === null) return null
  const preferences = parsePreferences(value, mediaRange)
  if (offered === undefined) return format(preferences, maxMediaRanges)
  return best(offered, (type) => mediaFit(type, preferences))
}

/**
 * Any other field that selects: without white space at its ends and around commas. What is in quotes or in brackets, as
 * in the comments of a User-Agent, is left as it is.
 */
export function normaliseField(value: string | null): string | null {
  if (value === null) return null
  // No alternative can fail once it has begun: the time is linear in the length.
  return value.trim().replace(/"(?:[^"\\]|\\.)*"?|\([^()]*\)?|[ \t,]+/g, (part) => {
    return part[0] !== '"' && part[0] !== '(' && part.includes(',') ? part.replace(/[ \t]/g, '') : part
  })
}

/** Of members that say the same, the highest weight counts; what cannot be read is left out. */
function parsePreferences(
  value: string,
  spell: (name: string, parameters: readonly string[]) => string | undefined,
): Preferences {
  const preferences: Preferences = new Map()
  for (const member of splitUnquoted(value, ',')) {
    const [name = '', ...parameters] = splitUnquoted(member, ';')
    const isWeight = (parameter: string) => /^q=/i.test(parameter)
    const weight = parseWeight(parameters.filter(isWeight))
    const spelling = spell(
      name.toLowerCase(),
      parameters.filter((parameter) => parameter !== '' && !isWeight(parameter)),
    )
    if (weight === undefined || spelling === undefined) continue
    preferences.set(spelling, Math.max(weight, preferences.get(spelling) ?? 0))
  }
  return preferences
}

/** Undefined where it is malformed. More than three decimals, and none before the point, are common enough. */
function parseWeight(parameters: readonly string[]): Weight | undefined {
  const [parameter, another] = parameters
  if (parameter === undefined) return 1000
  const match = /^q=(0(?:\.\d*)?|\.\d+|1(?:\.0*)?)$/i.exec(parameter)
  return match === null || another !== undefined ? undefined : Math.round(Number(match[1]) * 1000)
}

/** RFC 4647 §2.1, in lower case. */
function languageRange(name: string, parameters: readonly string[]): string | undefined {
  return parameters.length === 0 && /^(?:\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)$/.test(name) ? name : undefined
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const quoted = '"(?:[^"\\\\]|\\\\.)*"'
const mediaType = new RegExp(`^${token}/${token}$`)
const mediaParameter = new RegExp(`^(${token})=(${token}|${quoted})$`)
const wholeToken = new RegExp(`^${token}$`)

/** RFC 9110 §12.5.1; of its parameters the names are in lower case, and the values bare where they can be. */
function mediaRange(name: string, parameters: readonly string[]): string | undefined {
  if (!mediaType.test(name) || (name.startsWith('*/') && name !== '*/*')) return undefined
  let spelling = name
  for (const text of parameters) {
    const match = mediaParameter.exec(text)
    if (match === null) return undefined
    const [, key = '', value = ''] = match
    const bare = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
    spelling += `;${key.toLowerCase()}=${wholeToken.test(bare) ? bare : value}`
  }
  return spelling
}

/** The most wanted first, by name where they are wanted alike. */
function format(preferences: Preferences, most: number): string | null {
  const wanted = [...preferences].filter(([, weight]) => weight > 0)
  wanted.sort(([a, weightOfA], [b, weightOfB]) => weightOfB - weightOfA || (a < b ? -1 : 1))
  const members = wanted.slice(0, most).map(([name, weight]) => (weight === 1000 ? name : `${name};q=${weight / 1000}`))
  return members.length === 0 ? null : members.join(',')
}

/** How well something that is offered suits; `closeness` decides between equal weights. */
interface Fit {
  readonly weight: Weight
  readonly closeness: number
}

const refused: Fit = { weight: 0, closeness: 0 }

/** The one that suits best, the first of them where several do; null where all are refused. */
function best(offered: readonly string[], fitOf: (one: string) => Fit): string | null {
  let chosen: string | null = null
  let highest = refused
  for (const one of offered) {
    const fit = fitOf(one)
    if (fit.weight === 0 || compare(fit, highest) <= 0) continue
    chosen = one
    highest = fit
  }
  return chosen
}

function compare(a: Fit, b: Fit): number {
  return a.weight - b.weight || a.closeness - b.closeness
}

/**
 * RFC 4647: the longest range that is `language` or a prefix of it speaks for it (§3.3.1); so does a longer one that
 * can be cut down to it (§3.4), unless it is refused; the star only where neither is there.
 */
function languageFit(language: string, preferences: Preferences): Fit {
  let fit: Fit | undefined
  for (let end = language.length; end > 0 && fit === undefined; end = language.lastIndexOf('-', end - 1)) {
    const weight = preferences.get(language.slice(0, end))
    if (weight !== undefined) fit = { weight, closeness: end === language.length ? 3 : 2 }
  }
  if (fit?.weight === 0) return refused
  for (const [range, weight] of preferences) {
    const cut = { weight, closeness: 1 }
    if (weight > 0 && range.startsWith(`${language}-`) && compare(cut, fit ?? refused) > 0) fit = cut
  }
  return fit ?? { weight: preferences.get('*') ?? 0, closeness: 0 }
}

/** RFC 9110 §12.5.1: the most specific range that takes the type in speaks for it. */
function mediaFit(offered: string, preferences: Preferences): Fit {
  const [givenName = '', ...given] = splitUnquoted(offered, ';')
  const spelling = mediaRange(givenName.toLowerCase(), given)
  if (spelling === undefined) return refused
  const [name = '', ...parameters] = caseless(spelling)
  let fit = { weight: 0, closeness: -1 }
  for (const [range, weight] of preferences) {
    const [rangeName = '', ...asked] = caseless(range)
    const breadth = [name, `${name.split('/')[0]}/*`, '*/*'].indexOf(rangeName)
    if (breadth < 0 || !asked.every((parameter) => parameters.includes(parameter))) continue
    const isExact = breadth === 0 && asked.length === parameters.length
    const closeness = breadth === 0 ? 2 + 2 * asked.length + (isExact ? 1 : 0) : 2 - breadth
    if (closeness > fit.closeness) fit = { weight, closeness }
  }
  return fit
}

/** Type and parameters for comparing: the values of the common ones differ by more than case. */
function caseless(spelling: string): string[] {
  return splitUnquoted(spelling.toLowerCase(), ';')
}

/** The trimmed parts between separators that are not within a quoted string (RFC 9110 §5.6.4). */
function splitUnquoted(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (isQuoted && character === '\\') at++
    else if (character === '"') isQuoted = !isQuoted
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  parts.push(text.slice(start).trim())
  return parts
}
