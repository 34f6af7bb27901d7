// An item as the API shows it.
import { mediaTarget } from '../../../shared/media-path.ts'
import type { items } from './tables.ts'

export type Item = typeof items.$inferSelect

/** Of all lists of items, whichever are in them. */
export const listTag = 'items'
export const itemTag = (id: string): string => `item:${id}`

export function itemOf({ indexed: _, picture, ...item }: Item) {
  return { ...item, picture: picture === null ? null : mediaTarget(picture) }
}
