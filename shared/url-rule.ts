// Places that a configuration lists, such as "https://cdn.example.com/photos/*": what is a good entry, and which URLs it takes.
// Asked before the first request, and again for every redirect: a host may be open to whoever wants to send us elsewhere.
import { checkHost, checkPath, compileHost, compilePath } from './config/pattern.ts'
import { isLoopback, isPublicName } from './public-host.ts'

/** A URL in its canonical form: `scheme://host[:port]`, and path and query. */
export interface Place {
  readonly origin: string
  readonly target: string
}

const urlForm = /^(https?):\/\/([^/:]+|\[[0-9a-f:.]+\])(:\d{1,5})?(\/.*)$/

/** Whether it has the form of one, whatever else may be wrong with it. */
export const isUrlRule = (text: string): boolean => urlForm.test(text)

/** What is wrong with an entry, and what to write instead; undefined where it is fine. */
export function checkUrlRule(text: string): string | undefined {
  const [url, scheme, host = '', , path = ''] = urlForm.exec(text) ?? []
  if (url === undefined) return 'must be a URL such as "https://api.example.com/v1/*"'
  if (scheme === 'http' && !isLoopback(host))
    return 'must start with "https://": only a host on loopback may do without'
  return checkHost(host) ?? checkReach(host) ?? checkPath(path)
}

/** A host that would never be asked is a mistake. */
const checkReach = (host: string): string | undefined =>
  host === '*' || isLoopback(host) || isPublicName(host.replace(/^\*\./, 'a.'))
    ? undefined
    : 'must name a host of the public internet, and not by its address'

/** Which URLs a checked entry takes. */
export function compileUrlRule(text: string): (place: Place) => boolean {
  const [, scheme, host = '', port = '', path = ''] = urlForm.exec(text) ?? []
  const [takesHost, takesPath] = [compileHost(host), compilePath(path)]
  // Only who names a host on loopback means one.
  const isMeant = isLoopback(host) ? () => true : isPublicName
  return ({ origin, target }) => {
    const { protocol, hostname, port: asked } = new URL(origin)
    const isThere = protocol === `${scheme}:` && asked === portOf(port, scheme) && takesHost(hostname)
    return isThere && isMeant(hostname) && takesPath(target.split('?', 1)[0]!)
  }
}

/** As the URL parser writes it. */
const portOf = (port: string, scheme: string | undefined): string =>
  port === (scheme === 'https' ? ':443' : ':80') ? '' : port.slice(1)
