// Where an IP address leads: onto the public internet, to a network of one's own, or to nobody. One table, for whoever may
// send the gateway to a URL and for origins that a configuration names by their addresses.

/** own: this host, or the network that it stands in. nobody: for examples, multicast, another address in disguise, or not given out. */
export type Reach = 'public' | 'own' | 'nobody'

/** Undefined for a name. Takes hosts as the URL parser writes them: IPv4 in four decimals, IPv6 in brackets. */
export function reachOf(host: string): Reach | undefined {
  if (/^\d+(\.\d+){3}$/.test(host)) return reachIn(ipv4, bitsOf(host))
  if (!host.startsWith('[')) return undefined
  const bits = bitsOf(host.slice(1, -1))
  if (!bits.startsWith(mapped)) return reachIn(ipv6, bits)
  return reachIn(ipv4, bits.slice(mapped.length)) === 'own' ? 'own' : 'nobody'
}

/** The addresses that begin with these bits. */
type Range = readonly [prefix: string, reach: Reach]

function reachIn(ranges: readonly Range[], bits: string): Reach {
  return ranges.find(([prefix]) => bits.startsWith(prefix))?.[1] ?? 'nobody'
}

function bitsOf(address: string): string {
  if (!address.includes(':')) return binary(address.split('.').map(Number), 8)
  const [before = [], after = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const between = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const groups = [...before, ...between, ...after].map((group) => Number.parseInt(group, 16))
  return binary(groups, 16)
}

const binary = (numbers: readonly number[], width: number): string =>
  numbers.map((number) => number.toString(2).padStart(width, '0')).join('')

function range(cidr: string, reach: Reach): Range {
  const [address = '', length] = cidr.split('/')
  return [bitsOf(address).slice(0, Number(length)), reach]
}

/** IPv4-mapped addresses (RFC 4291 §2.5.5.2). Nobody needs them in a URL: what is public has a name of its own. */
const [mapped] = range('::ffff:0:0/96', 'nobody')

/** What IANA's registry of special-purpose addresses (RFC 6890) does not name is public. The first that fits is taken. */
const ipv4: readonly Range[] = [
  // This host and its network: RFC 1122 §3.2.1.3.
  range('0.0.0.0/8', 'own'),
  // Private use: RFC 1918.
  range('10.0.0.0/8', 'own'),
  range('172.16.0.0/12', 'own'),
  range('192.168.0.0/16', 'own'),
  // Shared, behind a carrier's translation: RFC 6598.
  range('100.64.0.0/10', 'own'),
  // Loopback: RFC 1122 §3.2.1.3.
  range('127.0.0.0/8', 'own'),
  // Link-local: RFC 3927.
  range('169.254.0.0/16', 'own'),
  // IETF protocol assignments: RFC 6890 §2.1.
  range('192.0.0.0/24', 'nobody'),
  // Documentation: RFC 5737.
  range('192.0.2.0/24', 'nobody'),
  range('198.51.100.0/24', 'nobody'),
  range('203.0.113.0/24', 'nobody'),
  // Relays from IPv6, given up: RFC 7526.
  range('192.88.99.0/24', 'nobody'),
  // Benchmarks of networks: RFC 2544.
  range('198.18.0.0/15', 'nobody'),
  // Multicast: RFC 5771.
  range('224.0.0.0/4', 'nobody'),
  // Reserved, and broadcast at its end: RFC 1112 §4, RFC 919.
  range('240.0.0.0/4', 'nobody'),
  range('0.0.0.0/0', 'public'),
]

/** Only 2000::/3 is given out (RFC 4291 §2.4): what fits nowhere leads to nobody. The first that fits is taken. */
const ipv6: readonly Range[] = [
  // Unspecified and loopback: RFC 4291 §2.5.2, §2.5.3.
  range('::/127', 'own'),
  // Private use: RFC 4193.
  range('fc00::/7', 'own'),
  // Link-local: RFC 4291 §2.5.6.
  range('fe80::/10', 'own'),
  // IETF protocol assignments, Teredo among them: RFC 2928.
  range('2001::/23', 'nobody'),
  // Documentation: RFC 3849, RFC 9637.
  range('2001:db8::/32', 'nobody'),
  range('3fff::/20', 'nobody'),
  // Leads to any IPv4 address: RFC 3056.
  range('2002::/16', 'nobody'),
  range('2000::/3', 'public'),
]
