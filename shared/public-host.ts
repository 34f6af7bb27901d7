// Which hosts the gateway may be sent to by whoever may only name a URL: for webhooks, pictures and calls out alike. Names are
// judged as they are written: what they resolve to only the platform knows, and Cloudflare's routes to no private network.

/** Takes hosts as the URL parser writes them: IPv4 in four decimals, IPv6 shortened and in brackets. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

/** Names that mean something on a private network alone (RFC 6761, RFC 6762, RFC 8375, and what is in use). */
const privateSuffixes = [
  'localhost',
  'invalid',
  'local',
  'internal',
  'intranet',
  'lan',
  'home',
  'corp',
  'private',
  'home.arpa',
  'test',
]

/** A public host by its name. Every spelling of an address ends up as four numbers or in brackets here: it is none. */
export const isPublicName = (host: string): boolean => /\.(?!\d+\.?$)[^.]+\.?$/.test(host) && isPublicHost(host)

/** The same; false for addresses and names that are known not to be on the public internet. */
export function isPublicHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return isPublicIpv6(hostname.slice(1, -1))
  const host = hostname.replace(/\.$/, '')
  if (/^\d+(\.\d+){3}$/.test(host)) return isPublicIpv4(host)
  return host.includes('.') && !privateSuffixes.some((suffix) => host.endsWith(`.${suffix}`))
}

/** Of the special-purpose registry of IANA (RFC 6890): first address and length of the prefix. */
const specialIpv4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, and all that is reserved.
  ['224.0.0.0', 3],
]

const isPublicIpv4 = (text: string): boolean =>
  !specialIpv4.some(([first, length]) => (numberOf(text) ^ numberOf(first)) >>> (32 - length) === 0)

const numberOf = (address: string): number =>
  address.split('.').reduce((number, octet) => ((number << 8) | Number(octet)) >>> 0, 0)

/**
 * Only 2000::/3 is given out. Within it what is special lies below 2001:200:: (RFC 2928, Teredo among it), 2001:db8::/32
 * (RFC 3849) and 3fff::/20 (RFC 9637) are for examples, and 2002::/16 leads to any IPv4 address (RFC 3056).
 */
function isPublicIpv6(text: string): boolean {
  const [first = 0, second = 0] = text.split(':', 2).map((group) => Number.parseInt(group || '0', 16))
  if (first < 0x2000 || first > 0x3fff) return false
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false
  return first !== 0x2002 && !(first === 0x3fff && second < 0x1000)
}
