// Colours as URLs and configurations write them, in one spelling: `#rrggbb`, or `#rrggbbaa` where one can see through it.

/** HTML 4.01 §6.5, and the ones that pictures are put on most beside them. */
const named: Readonly<Record<string, string>> = {
  black: '#000000',
  silver: '#c0c0c0',
  gray: '#808080',
  grey: '#808080',
  white: '#ffffff',
  maroon: '#800000',
  red: '#ff0000',
  purple: '#800080',
  fuchsia: '#ff00ff',
  green: '#008000',
  lime: '#00ff00',
  olive: '#808000',
  yellow: '#ffff00',
  navy: '#000080',
  blue: '#0000ff',
  teal: '#008080',
  aqua: '#00ffff',
  orange: '#ffa500',
  transparent: '#00000000',
}

/** Undefined where it is none. */
export function parseColour(text: string): string | undefined {
  const colour = text.toLowerCase().replaceAll(' ', '')
  const known = Object.hasOwn(named, colour) ? named[colour] : (hexadecimal(colour) ?? functional(colour))
  return known?.length === 9 && known.endsWith('ff') ? known.slice(0, 7) : known
}

function hexadecimal(colour: string): string | undefined {
  const [, digits] = /^#?([0-9a-f]{3,8})$/.exec(colour) ?? []
  if (digits === undefined || digits.length === 5 || digits.length === 7) return undefined
  return `#${digits.length < 6 ? digits.replace(/./g, '$&$&') : digits}`
}

/** `rgb(255,136,0)`, and `rgba(255,136,0,0.5)`. */
function functional(colour: string): string | undefined {
  const [, ...parts] = /^rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})(?:,([01]|0?\.\d{1,4}))?\)$/.exec(colour) ?? []
  const [red, green, blue, alpha = '1'] = parts
  const bytes = [Number(red), Number(green), Number(blue), Math.round(Number(alpha) * 255)]
  if (!bytes.every((byte) => byte <= 255)) return undefined
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
