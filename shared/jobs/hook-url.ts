// Whether a webhook may go to a URL. It is sent by the gateway, from inside: nobody who may only name a URL is to reach
// what stands on a private network.
import { isLoopback, isPublicHost } from '../public-host.ts'

const longest = 2048

/**
 * What is wrong with the URL and what to write instead; undefined where it is fine. `isLocal`: the gateway runs on a
 * laptop, where loopback is allowed, over plain http too. Never quotes the URL, which may hold a secret.
 */
export function checkHookUrl(text: string, isLocal: boolean): string | undefined {
  if (text.length > longest) return `must have at most ${longest} characters`
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be a URL such as "https://hooks.example.com/weir"'
  if (url.username !== '' || url.password !== '')
    return 'must have no user name or password: the signature says who sends it'
  if (isLocal && isLoopback(url.hostname)) return undefined
  if (url.protocol !== 'https:') return 'must start with "https://"'
  return isPublicHost(url.hostname) ? undefined : 'must be on the public internet, and its host is not'
}
