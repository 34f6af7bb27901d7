// The names of objects that are kept by paths: what a part of a canonical path (http/target.ts) names. Two spellings of a
// path are one object, two objects never one name.
import { err, ok, type Result } from './result.ts'

const longestPath = 512

/**
 * The path, decoded; or why it names nothing, in words for the client. It is a chain of segments that all systems
 * understand alike. `written` has no slash in front.
 */
export function objectPath(written: string): Result<string, string> {
  if (/%2F|%5C/i.test(written)) return err('The path hides a slash behind percent-encoding: write a plain slash.')
  if (written.split('/').includes('')) return err('The path has an empty segment: write single slashes, and none last.')
  const decoded = decode(written)
  if (decoded === undefined) return err('The path is no UTF-8 when it is decoded: encode its characters as UTF-8.')
  if (/\p{Cc}/u.test(decoded)) return err('The path has a control character in it: choose another name.')
  const { length } = new TextEncoder().encode(decoded)
  if (length > longestPath) return err(`The path has ${length} bytes; ${longestPath} at most are allowed.`)
  return ok(decoded)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The one spelling of it in a URL. Has neither white space nor a comma. */
export const encodedPath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
