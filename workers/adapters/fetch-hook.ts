// Sends webhooks with the platform's fetch, signed by Web Crypto.
import { parseRetryAfter } from '../../shared/http/retry-after.ts'
import { checkHookUrl } from '../../shared/jobs/hook-url.ts'
import { parseSecrets, signatureFields, signedContent } from '../../shared/jobs/signature.ts'
import type { Hook, HookAnswer, HookPort } from '../ports/hook-port.ts'

const patienceMs = 15_000

/** `secrets` with commas between them; `isLocal`: this is a laptop, where a webhook may go to loopback. */
export function fetchHook(secrets: string | undefined, isLocal: boolean, now: () => number): HookPort {
  const keys = parseSecrets(secrets)
  return {
    async send(hook, signal) {
      const problem = checkHookUrl(hook.url, isLocal)
      if (problem !== undefined) return { kind: 'refused', because: `The URL ${problem}.` }
      if (!keys.ok) return { kind: 'refused', because: keys.error }
      return post(hook, await signed(hook, keys.value), signal, now)
    },
  }
}

async function post(
  { url, body }: Hook,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  now: () => number,
): Promise<HookAnswer> {
  // Ends the exchange in any case: nobody reads what else there is of the answer.
  const over = new AbortController()
  const timeout = AbortSignal.timeout(patienceMs)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'Weir-Webhook', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout, over.signal]),
    })
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), now())
    return { kind: 'answer', status: response.status, retryAfterMs }
  } catch {
    // The platform's own words name hosts, and tell no more.
    return { kind: 'none', because: timeout.aborted ? `No answer within ${patienceMs} ms.` : 'No connection.' }
  } finally {
    over.abort()
  }
}

async function signed({ id, at, body }: Hook, keys: readonly Uint8Array[]): Promise<Record<string, string>> {
  const seconds = Math.floor(at / 1000)
  const content = new TextEncoder().encode(signedContent(id, seconds, body))
  const macs = await Promise.all(keys.map((key) => mac(key, content)))
  return signatureFields(id, seconds, macs)
}

async function mac(key: Uint8Array, content: Uint8Array): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign'])
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign('HMAC', imported, content))))
}
