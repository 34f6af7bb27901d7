// Whether a host is a bare IP address of the public internet, which Cloudflare does not fetch from.
// Takes hosts as the URL parser writes them: IPv4 in four decimals, IPv6 shortened and in brackets.

/** True for a public IPv4 or IPv6 address; false for names, loopback, private, shared and link-local addresses. */
export const isPublicAddress = (host: string): boolean => {
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host)
  if (mapped) return isPublicIpv4(mappedOctets(mapped[1] ?? '', mapped[2] ?? ''))
  if (host.startsWith('[')) return !/^\[(::1?\]|f[cd]|fe[89ab])/.test(host)
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) && isPublicIpv4(host.split('.').map(Number))
}

/** The IPv4 address inside an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2). */
const mappedOctets = (high: string, low: string): number[] =>
  [high, low].map((part) => Number.parseInt(part, 16)).flatMap((value) => [value >> 8, value & 255])

/** RFC 1918, RFC 1122 §3.2.1.3 (this host, loopback), RFC 3927 (link-local), RFC 6598 (shared). */
const isPublicIpv4 = ([a = 0, b = 0]: readonly number[]): boolean => {
  if (a === 0 || a === 10 || a === 127) return false
  if (a === 172 && b >= 16 && b <= 31) return false
  if (a === 100 && b >= 64 && b <= 127) return false
  return !(a === 192 && b === 168) && !(a === 169 && b === 254)
}
