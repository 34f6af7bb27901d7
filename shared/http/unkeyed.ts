// Fields of a request that are not in the key of its answer. RFC 9111 §4 lets a cache ignore them; an origin that goes
// by them and does not say so in Vary hands the sender of one request the answers of all others: web cache poisoning
// (J. Kettle, "Practical Web Cache Poisoning", 2018). So the names that could have switched something are remembered
// with the answer; what an answer says again of their values is for reflection.ts.
import { isForgeable } from './fields.ts'

/** An answer whose request has more unlisted fields than this is not stored: the names are kept with each entry. */
export const maxUnlisted = 16

/**
 * Of the names of a request's fields those that may have changed its answer: in lower case, sorted, each once. Not
 * among them are the ones that are `keyed` (in lower case), that no origin gets to see, and that everybody sends.
 */
export function unlisted(names: Iterable<string>, keyed: readonly string[]): string[] {
  const found = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!neutral.has(lower) && !isForgeable(lower) && !keyed.includes(lower)) found.add(lower)
  }
  return [...found].sort()
}

/** Whether an unlisted field may say who asks, or which application: then the origin has to say that others may. */
export function isPersonal(name: string): boolean {
  return (name.startsWith('x-') && name !== 'x-requested-with') || credential.test(name)
}

const credential =
  /key|token|auth|secret|session|user|csrf|xsrf|signature|credential|passw|jwt|cookie|account|tenant|login|email|cert/

/** The fields that everybody sends, and that no answer differs by without saying so; two have rules of their own. */
export const neutral: ReadonlySet<string> = new Set(
  `authorization cookie cache-control pragma accept accept-charset accept-datetime accept-encoding accept-language
  if-match if-none-match if-modified-since if-unmodified-since if-range range host date via max-forwards expect
  content-length content-type early-data user-agent referer from priority alt-used available-dictionary dictionary-id
  connection keep-alive proxy-authorization proxy-connection te trailer transfer-encoding upgrade
  sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-fetch-storage-access purpose sec-purpose
  sec-speculation-tags dnt sec-gpc upgrade-insecure-requests save-data device-memory dpr width viewport-width
  viewport-height downlink rtt ect sec-ch-ua sec-ch-ua-full-version sec-ch-ua-full-version-list sec-ch-ua-model
  sec-ch-ua-arch sec-ch-ua-bitness sec-ch-ua-form-factors sec-ch-ua-mobile sec-ch-ua-platform
  sec-ch-ua-platform-version sec-ch-ua-wow64 sec-ch-ua-high-entropy-values sec-ch-prefers-contrast
  sec-ch-prefers-color-scheme sec-ch-prefers-reduced-motion sec-ch-prefers-reduced-transparency sec-ch-forced-colors
  sec-ch-viewport-width sec-ch-viewport-height sec-ch-width sec-ch-dpr sec-ch-device-memory sec-ch-downlink sec-ch-rtt
  sec-ch-ect sec-ch-save-data
  b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags sentry-trace x-amzn-trace-id
  x-cloud-trace-context uber-trace-id elastic-apm-traceparent x-datadog-trace-id x-datadog-parent-id
  x-datadog-sampling-priority x-datadog-sampled x-datadog-origin x-datadog-tags newrelic x-newrelic-id
  x-newrelic-transaction x-dtpc x-instana-t x-instana-s x-instana-l x-ot-span-context grpc-trace-bin request-id
  request-context x-correlation-id x-trace-id x-span-id x-playback-session-id`.split(/\s+/),
)
