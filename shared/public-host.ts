// Which hosts the gateway may be sent to by whoever may only name a URL: for webhooks, pictures and calls out alike. Names are
// judged as they are written: what they resolve to only the platform knows, and Cloudflare's routes to no private network.
import { reachOf } from './address.ts'

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
  const host = hostname.replace(/\.$/, '')
  const reach = reachOf(host)
  if (reach !== undefined) return reach === 'public'
  return host.includes('.') && !privateSuffixes.some((suffix) => host.endsWith(`.${suffix}`))
}
