// What of a picture is not to be cut off: a side, the middle, what stands out, or a point.

const sides = ['left', 'right', 'top', 'bottom', 'center', 'auto']

/** In one spelling; undefined where it is none. A point in the middle is the middle. */
export function parseGravity(text: string): string | undefined {
  if (sides.includes(text)) return text
  const point = pointOf(text)
  if (point === undefined) return undefined
  return point.x === 0.5 && point.y === 0.5 ? 'center' : `${point.x}x${point.y}`
}

/** The point that a gravity names, as shares of width and height; undefined where it names a side. */
export function pointOf(gravity: string): { readonly x: number; readonly y: number } | undefined {
  const [, x, y] = /^([01](?:\.\d{1,4})?)x([01](?:\.\d{1,4})?)$/.exec(gravity) ?? []
  const point = { x: Number(x), y: Number(y) }
  return point.x <= 1 && point.y <= 1 ? point : undefined
}
