// Web cache poisoning, swept: one client says something in a field or a parameter that is not in the key, to an origin
// that goes by it and does not say so; another one then asks for the same, and must not see a trace of it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'
import { sendRaw, type WireAnswer } from './support/wire.ts'

/** What an origin does with the request, by the first segment of the path. */
const behaviours = {
  'says every field again in the body': 'body',
  'does so, and says that anybody may have it': 'public',
  'does so in JSON': 'json',
  'does so in HTML': 'html',
  'does so in a link': 'link',
  'does so in gzip': 'gzip',
  'does so in brotli': 'br',
  'does so in fields of its own': 'fields',
  'does so in an error': 'error',
  'is another one where a field comes that it does not know': 'switch',
  'is so, and says that anybody may have it': 'public-switch',
} as const

const stored = { 'cache-control': 'max-age=60' }
const html = { 'content-type': 'text/html' }

function answer(request: IncomingMessage, response: ServerResponse): void {
  const said = request.rawHeaders.join('\n')
  const reply = (body: string | Buffer, headers: Record<string, string> = {}, status = 200) =>
    response.writeHead(status, { ...stored, ...html, 'content-length': Buffer.byteLength(body), ...headers }).end(body)
  switch (request.url?.split('/')[1]) {
    case 'public':
      return void reply(said, { 'cache-control': 'public, max-age=60' })
    case 'json':
      return void reply(JSON.stringify(request.rawHeaders).replaceAll('/', '\\/'), { 'content-type': 'text/json' })
    case 'html':
      return void reply(said.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`))
    case 'link':
      return void reply(request.rawHeaders.map((text) => `<a href="/?${encodeURIComponent(text)}">`).join('\n'))
    case 'gzip':
      return void reply(gzipSync(said), { 'content-encoding': 'gzip' })
    case 'br':
      return void reply(brotliCompressSync(said), { 'content-encoding': 'br' })
    case 'fields':
      return void reply('fields', { location: said.replaceAll('\n', ' '), 'x-said': said.replaceAll('\n', '|') })
    case 'error':
      return void reply(said, {}, 404)
    case 'switch':
      return void reply(Object.keys(request.headers).every((name) => known.has(name)) ? 'as ever' : 'canary')
    case 'public-switch': {
      const isKnown = (name: string) => known.has(name) || name === 'cookie' || name === 'authorization'
      const body = Object.keys(request.headers).every(isKnown) ? 'as ever' : 'canary'
      return void reply(body, { 'cache-control': 'public, max-age=60' })
    }
    case 'stale':
      return void reply(said, { 'cache-control': 'max-age=0, stale-while-revalidate=60' })
    case 'validated': {
      const headers = { 'cache-control': 'max-age=0', etag: '"1"' }
      const link = said.includes('canary') ? { link: `<${said.replaceAll('\n', ' ')}>` } : {}
      if (request.headers['if-none-match'] !== '"1"') return void reply('as ever', headers)
      return void response.writeHead(304, { ...headers, ...link }).end()
    }
    case 'rules':
      return void reply(`${request.url}\n${decodeURIComponent(request.url)}`)
    default:
      return void reply(said)
  }
}

/** What every web server knows, and what the gateway says of each request. */
const known = new Set([
  ...['host', 'connection', 'user-agent', 'referer', 'accept', 'accept-charset', 'accept-datetime', 'accept-encoding'],
  ...['accept-language', 'cache-control', 'pragma', 'range', 'if-match', 'if-none-match', 'if-modified-since', 'date'],
  ...['if-unmodified-since', 'if-range', 'from', 'via', 'max-forwards', 'content-type', 'content-length', 'priority'],
  ...['early-data', 'dnt', 'sec-gpc', 'save-data', 'upgrade-insecure-requests', 'purpose', 'sec-purpose', 'alt-used'],
  ...['sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-user', 'sec-ch-ua', 'sec-ch-ua-platform'],
  ...[
    'sec-ch-ua-mobile',
    'sec-ch-ua-model',
    'dpr',
    'width',
    'viewport-width',
    'device-memory',
    'downlink',
    'ect',
    'rtt',
  ],
  ...['x-amzn-trace-id', 'x-amz-cf-id', 'x-b3-traceid', 'b3', 'sentry-trace', 'newrelic', 'uber-trace-id', 'cf-worker'],
  ...['x-datadog-origin', 'x-cloud-trace-context', 'x-correlation-id', 'request-id', 'surrogate-capability'],
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'traceparent', 'x-request-deadline'],
])

/** `canary` stands for what must not come back. */
const canary = () => `canary-${Math.floor(Math.random() * 2 ** 40).toString(36)}.example`

/** Fields whose value is the canary alone. */
const names = `
  X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Scheme X-Forwarded-Server
  X-Forwarded-Prefix X-Forwarded-Path X-Forwarded-Ssl X-Forwarded-By X-Forwarded-Protocol X-Forwarded X-Forward-For
  X-Forward-Proto X-Forwarder-For X-Originally-Forwarded-For Forwarded Forwarded-For Forwarded-Host Forwarded-Proto
  X-Host X-HTTP-Host-Override X-Backend-Host X-Proxy-Url X-Server-Name X-Original-Host Proxy-Host Proxy Host-Override
  X-Original-URL X-Rewrite-URL X-Original-URI X-HTTP-DestinationURL X-HTTP-Path-Override X-Request-URI Request-URI URL
  X-Accel-Mapping X-Accel-Redirect X-Sendfile-Type Destination Base-Url Path-Info Redirect X-Subdomain
  X-HTTP-Method X-HTTP-Method-Override X-Method-Override X-Action Real-Method
  True-Client-IP Client-IP X-Client-IP X-Real-IP X-Remote-IP X-Remote-Addr X-Originating-IP X-Cluster-Client-IP
  X-ProxyUser-Ip Fastly-Client-IP CF-Connecting-IP Remote-Addr Remote-User WL-Proxy-Client-IP X-Azure-ClientIP
  X-Scheme X-Url-Scheme Front-End-Https X-Https X-Nokia-WTLS
  Origin Referer Referrer User-Agent X-User-Agent X-Device-User-Agent X-OperaMini-Phone-UA X-UA-Device From
  Cookie Cookie2 Authorization Proxy-Authorization X-Authorization X-Auth-Token X-Api-Key X-Access-Token X-User
  X-User-Id X-CSRF-Token X-XSRF-Token X-Session-Id X-Jwt-Assertion Api-Key Access-Token Php-Auth-User
  X-Amz-Security-Token Accept Accept-Charset Accept-Encoding Accept-Language Accept-Datetime Accept-Version
  Accept-Features Prefer Negotiate Via Max-Forwards Cache-Control Pragma Date Age Expires Warning Surrogate-Capability
  Surrogate-Control CDN-Loop X-Requested-With X-PJAX X-Turbolinks-Referrer Turbo-Frame HX-Request X-Inertia X-Purpose
  X-Moz Service-Worker X-Api-Version Api-Version Version X-Debug Debug X-Debug-Token X-Wikimedia-Debug X-Test Test
  Mode Env X-Environment
  CloudFront-Viewer-Country CloudFront-Is-Mobile-Viewer CloudFront-Forwarded-Proto Fastly-SSL Fastly-FF
  Akamai-Origin-Hop Akamai-Client-IP True-Client-Country X-Akamai-Edgescape CF-IPCountry CF-Visitor CF-Worker
  X-Amz-Website-Redirect-Location X-Amz-Server-Side-Encryption X-Amzn-Remapped-Host X-Amz-Cf-Id X-Amzn-Trace-Id
  X-Azure-Ref X-Appengine-Country X-Geoip-Country X-Country-Code X-Varnish X-Cache-Hash X-Timer
  X-WAP-Profile Profile X-MSISDN X-UIDH X-ATT-DeviceId Save-Data DPR Width Viewport-Width Device-Memory Downlink ECT RTT
  Sec-CH-UA Sec-CH-UA-Platform Sec-CH-UA-Mobile Sec-CH-UA-Model Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
  Sec-Fetch-User Sec-GPC DNT Priority Purpose Sec-Purpose Early-Data Upgrade-Insecure-Requests Alt-Used
  Range If-Range If-None-Match If-Match If-Modified-Since If-Unmodified-Since If A-IM Depth Overwrite Translate
  TE Trailer Transfer-Encoding Connection Keep-Alive Proxy-Connection Upgrade HTTP2-Settings Expect
  Content-Type Content-Encoding Content-Language Content-Location Content-Disposition Content-MD5 Content-Range Digest
  Location Link Set-Cookie ETag Last-Modified Vary Server Status Access-Control-Request-Method
  Access-Control-Request-Headers Access-Control-Allow-Origin Content-Security-Policy X-Frame-Options SOAPAction
  B3 X-B3-TraceId Sentry-Trace Newrelic Uber-Trace-Id X-Datadog-Origin X-Cloud-Trace-Context Traceparent Tracestate
  Baggage X-Request-Id X-Correlation-Id Request-Id X-Unique-Id
  Weir-Explain Weir-Session Last-Event-Id Idempotency-Key Signature-Agent Sec-WebSocket-Protocol
  Foo Bar X Y-Z Q Teapot Blue-Moon X-Marzipan Zzz-Top Lorem-Ipsum N0 A.b A~b A!b
  X_Forwarded_Host X_Original_URL x_http_method_override Some_Name User_Agent
  x-FORWARDED-hOST fOrWaRdEd X-HOST uSER-aGENT REFERER x-wHaTeVeR X-Forwarded-Host1 XX-Forwarded-Host X-ForwardedHost
`
  .trim()
  .split(/\s+/)

interface Attack {
  readonly label: string
  /** The lines of the head behind the first, `CANARY` for the canary. */
  readonly lines: readonly string[]
}

/** What a single value cannot say. */
const crafted: Record<string, string[]> = {
  'a Referer with a path': ['Referer: https://CANARY/path?query=1'],
  'a Referer of the same host': ['Referer: https://gateway.test/?next=CANARY'],
  'a Referer of the same host, encoded': ['Referer: https://gateway.test/?next=%22%3E%3Cb%3ECANARY'],
  'a Referer with an empty segment': ['Referer: https://gateway.test//CANARY'],
  'an Origin that is one': ['Origin: https://CANARY'],
  'a User-Agent with markup': ["User-Agent: Mozilla/5.0 \"><script src='//CANARY'></script>"],
  'a User-Agent in UTF-8': ['User-Agent: Mozilla/5.0 \xc3\xa9 CANARY'],
  'a User-Agent in bytes of another code': ['User-Agent: Mozilla/5.0 \xe9 CANARY'],
  'a User-Agent, twice': ['User-Agent: CANARY', 'User-Agent: Mozilla/5.0'],
  'a very long User-Agent': [`User-Agent: CANARY ${'x'.repeat(7000)}`],
  'a field, twice': ['Foo: CANARY', 'Foo: bar'],
  'a field among a hundred': [
    ...Array.from({ length: 100 }, (_, index) => `Foo-${index}: barbarbar${index}`),
    'Zoo: CANARY',
  ],
  'a media type': ['Accept: text/html, image/CANARY'],
  'a parameter of a media type': ['Accept: text/html;title="CANARY"'],
  'a language': ['Accept-Language: en, CANARY;q=0.1'],
  'a cookie': ['Cookie: lang=en; theme=CANARY'],
  'the name of a cookie': ['Cookie: CANARY=1'],
  'two fields of cookies': ['Cookie: theme=CANARY', 'Cookie: lang=en'],
  'an encoded cookie': ['Cookie: theme=%22%3E%3Cb%3ECANARY'],
  credentials: ['Authorization: Bearer CANARY'],
  'a directive': ['Cache-Control: max-age=1, x="CANARY"'],
  'a brand': ['Sec-CH-UA: "CANARY";v="1"'],
  'a member of Via': ['Via: 1.1 CANARY, 1.1 other'],
  'a comment in Via': ['Via: 1.1 other (CANARY)'],
  'a nominated field': ['Connection: close, Foo', 'Foo: CANARY'],
  'a field that nominates what is neutral': ['Connection: close, User-Agent', 'User-Agent: CANARY'],
  'a forgeable field, nominated': ['Connection: X-Forwarded-Host', 'X-Forwarded-Host: CANARY'],
  'a blank before the colon': ['X-Forwarded-Host : CANARY'],
  'a folded line': ['Foo: bar', ' CANARY'],
  'a tab before the value': ['X-Host:\tCANARY'],
  'another port': ['Host: gateway.test:8080', 'Foo: CANARY'],
  'a second Host': ['Host: CANARY'],
}

const attacks: readonly Attack[] = [
  ...names.map((name) => ({ label: name, lines: [`${name}: CANARY`] })),
  ...Object.entries(crafted).map(([label, lines]) => ({ label, lines })),
]

type Sort = (attack: Attack) => boolean

const isCrafted: Sort = ({ label }) => label in crafted
/** What no rule about names stops. */
const isNeutral: Sort = (attack) => isCrafted(attack) || known.has(attack.label.toLowerCase())
const isOfApplication: Sort = ({ label }) => label.toLowerCase().startsWith('x-')

/** Where not every attack would tell more: names count in the same way wherever they are said again. */
const enough: Readonly<Record<string, Sort>> = {
  public: isNeutral,
  gzip: isNeutral,
  br: isNeutral,
  fields: isNeutral,
  json: isCrafted,
  html: isCrafted,
  link: isCrafted,
  error: isCrafted,
  'public-switch': isOfApplication,
}

/** What most people's browsers say, and the least that a client says. */
const visitors = [
  [
    'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,*/*;q=0.8',
    'Accept-Language: en-GB,en;q=0.9',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Site: none',
    'Upgrade-Insecure-Requests: 1',
  ],
  ['Accept-Encoding: gzip, br'],
]

let origin: TestOrigin
let gateway: TestGateway

beforeAll(async () => {
  origin = await startOrigin(answer)
  const pools = ['web']
  const rule = (name: string, query: unknown) => ({ path: `/rules/${name}/*`, pools, cache: { key: { query } } })
  gateway = await startGateway({
    pools: { web: { origins: [{ url: origin.url }], policy: 'round-robin' } },
    routes: [
      rule('all', 'all'),
      rule('none', 'none'),
      rule('only', { only: ['q', 'page'] }),
      rule('except', { except: ['utm_source', 'utm_campaign', 'fbclid', '_', 'cb', 'callback'] }),
      { path: '/*', pools },
    ],
  })
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

async function get(target: string, lines: readonly string[] = []): Promise<WireAnswer> {
  const head = [`GET ${target} HTTP/1.1`, 'Host: gateway.test', 'Connection: close', ...lines]
  return sendRaw(gateway.url, `${head.join('\r\n')}\r\n\r\n`)
}

/** Everything that an answer says, decoded. */
function everythingIn({ raw, headers, body }: WireAnswer): string {
  const bytes = () => Buffer.from(body, 'latin1')
  if (headers['content-encoding'] === 'gzip') return raw + gunzipSync(bytes()).toString('latin1')
  if (headers['content-encoding'] === 'br') return raw + brotliDecompressSync(bytes()).toString('latin1')
  return raw
}

/** Does it with every item, a few at a time. */
async function each<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const lane = async (first: number) => {
    for (let index = first; index < items.length; index += lanes) results[index] = await work(items[index]!, index)
  }
  await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)))
  return results
}

const lanes = 24

/** More than a store of this machine takes to settle. */
const settledMs = 150

interface Trial {
  readonly label: string
  readonly attack: () => Promise<unknown>
  readonly visit: (lines: readonly string[]) => Promise<WireAnswer>
}

/** The labels of those trials after which a visitor was given the canary, or nothing. */
async function poisoned(trials: readonly Trial[]): Promise<string[]> {
  await each(trials, ({ attack }) => attack())
  await pause(settledMs)
  const seen = await each(trials, ({ visit }, index) => visit(visitors[index % visitors.length]!))
  const isPoisoned = (answer: WireAnswer) =>
    ![200, 404].includes(answer.status) || everythingIn(answer).includes('canary')
  return trials.filter((_, index) => isPoisoned(seen[index]!)).map(({ label }) => label)
}

test('the sweep is wide', () => {
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBeGreaterThan(250)
  expect(attacks.length).toBeGreaterThan(300)
})

describe.each(Object.entries(behaviours))('an origin that %s', (_, prefix) => {
  const codings = ['Accept-Encoding: gzip, br']

  test('poisons nothing by any field', { timeout: 60_000 }, async () => {
    const swept = attacks.filter(enough[prefix] ?? (() => true))
    const trials = swept.map(({ label, lines }, index) => {
      const value = canary()
      const target = `/${prefix}/${index}`
      const said = [...codings, ...lines.map((line) => line.replaceAll('CANARY', value))]
      return { label, attack: () => get(target, said), visit: (own: readonly string[]) => get(target, own) }
    })
    expect(await poisoned(trials)).toEqual([])
  })

  const cached = async (target: string) => (await get(target, codings)).headers['cache-status']

  test('is worth attacking: what a visitor was given is there for the next one', async () => {
    const [browser, plain] = visitors.map((_, index) => `/${prefix}/visited-${index}`) as [string, string]
    await get(browser, visitors[0])
    expect((await get(plain, visitors[1])).status).toBe(prefix === 'error' ? 404 : 200)
    await expect.poll(() => cached(plain), { timeout: 5000 }).toContain('weir; hit')
    // What says again which browser asks is that browser's own.
    expect(await cached(browser)).toContain(prefix.endsWith('switch') ? 'weir; hit' : 'fwd=uri-miss')
  })
})

describe('an entry that is there already', () => {
  const renewals = [
    ['by a refresh behind it', 'stale'],
    ['by its validation', 'validated'],
  ]
  test.each(renewals)('is not poisoned %s', { timeout: 60_000 }, async (_, prefix) => {
    const trials = attacks.filter(isCrafted).map(({ label, lines }, index) => {
      const target = `/${prefix}/${index}`
      const said = lines.map((line) => line.replaceAll('CANARY', canary()))
      return { label, attack: () => get(target, said), visit: (own: readonly string[]) => get(target, own) }
    })
    await each(trials, ({ visit }) => visit(visitors[1]!))
    await pause(settledMs)
    expect(await poisoned(trials)).toEqual([])
  })
})

describe('an origin that says the query again', () => {
  /** What an attacker asks for, and what a visitor asks for afterwards. */
  const queries: [attacked: string, visited: string][] = [
    ['?utm_source=CANARY', ''],
    ['?utm_campaign=CANARY&utm_source=CANARY', ''],
    ['?q=1&utm_source=CANARY', '?q=1'],
    ['?utm_source=CANARY&q=1', '?q=1'],
    ['?fbclid=CANARY', ''],
    ['?callback=CANARY', ''],
    ['?_=CANARY', ''],
    ['?cb=CANARY', ''],
    ['?CANARY', ''],
    ['?CANARY=1', ''],
    ['?=CANARY', ''],
    ['?&&CANARY&&', ''],
    ['?q=1;q=CANARY', '?q=1'],
    ['?q=1;utm_source=CANARY', '?q=1'],
    ['?utm_source=1;q=CANARY', ''],
    ['?utm_source=1;q=CANARY&q=1', '?q=1'],
    ['?q=1&utm_source=1;q=CANARY', '?q=1'],
    ['?q=1&utm_source=x%26q=CANARY', '?q=1'],
    ['?q=1&q=CANARY', '?q=1'],
    ['?q=CANARY&q=1', '?q=1'],
    ['?q=1&Q=CANARY', '?q=1'],
    ['?q=1&q[]=CANARY', '?q=1'],
    ['?q=1&%71=CANARY', '?q=1'],
    ['?q=1&q%00=CANARY', '?q=1'],
    ['?q=1&q%20=CANARY', '?q=1'],
    ['?q=1&+q=CANARY', '?q=1'],
    ['?q=1&.q=CANARY', '?q=1'],
    ['?%75tm_source=CANARY', ''],
    ['?utm%5Fsource=CANARY', ''],
    ['?utm_source%00=CANARY', ''],
    ['?utm_source[]=CANARY', ''],
    ['?utm_source%5B%5D=CANARY', ''],
    ['?UTM_SOURCE=CANARY', ''],
    ['??utm_source=CANARY', ''],
    ['??q=CANARY', ''],
    ['?q=1?utm_source=CANARY', '?q=1'],
    ['?q=1%23utm_source=CANARY', '?q=1'],
    ['?q=1#CANARY', '?q=1'],
    ['?q=1%0d%0aX-Injected:CANARY', '?q=1'],
    ['?page=1&q=1&x=CANARY', '?page=1&q=1'],
    ['?q=1&page=1&x=CANARY', '?page=1&q=1'],
    ['?x=CANARY', '?y=1'],
    [';CANARY', ''],
    ['%3FCANARY', ''],
    ['%23CANARY', ''],
    ['/CANARY/..', ''],
    ['/%2e%2e/CANARY', ''],
    ['//CANARY', ''],
  ]

  test.each(['all', 'none', 'only', 'except'])('poisons nothing where the key has of it: %s', async (rule) => {
    const trials = queries.map(([attacked, visited], index) => {
      const target = `/rules/${rule}/${index}`
      return {
        label: `${attacked} before ${visited}`,
        attack: () => get(target + attacked.replaceAll('CANARY', canary())),
        visit: (lines: readonly string[]) => get(target + visited, lines),
      }
    })
    expect(await poisoned(trials)).toEqual([])
  })
})
