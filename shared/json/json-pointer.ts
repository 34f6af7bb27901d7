// RFC 6901: a path into a JSON value, `/cart/0/name`.
import { err, ok, type Result } from '../result.ts'

/** The names along a pointer; of the whole value none. The error is a clause for people. */
export function parsePointer(text: string): Result<readonly string[], string> {
  if (text === '') return ok([])
  if (!text.startsWith('/')) return err('must be empty or begin with a slash')
  if (/~(?![01])/.test(text)) return err('must write a tilde as ~0, and a slash within a name as ~1')
  // In this order: `~01` is `~1`, not a slash (§4).
  const names = text.split('/').slice(1)
  return ok(names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~')))
}
