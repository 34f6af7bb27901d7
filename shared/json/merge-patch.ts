// RFC 7396: a patch that looks like what it changes. A member that is null is removed, an object is merged, and
// everything else takes the place of what was there.
import { isObject, type Json } from './json.ts'

/** What becomes of `target`, which stays as it is. As deep as the deeper of the two (RFC 7396 §2). */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) merged.delete(name)
    else merged.set(name, applyMergePatch(merged.get(name) ?? null, change))
  }
  return Object.fromEntries(merged)
}
