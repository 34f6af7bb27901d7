// Which request fields select a response? (RFC 9110 §12.5.5, RFC 9111 §4.1.)

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/**
 * The names in a Vary field, in lower case, sorted, each once; none for no field. `*` where a part of the request
 * selects that is not in its fields, or where the value cannot be read.
 */
export function parseVary(value: string | null): readonly string[] | '*' {
  if (value === null) return []
  const names = value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  if (names.some((name) => name === '*' || !token.test(name))) return '*'
  return [...new Set(names)].sort()
}
