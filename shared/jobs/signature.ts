// How a webhook is signed, after the Standard Webhooks specification 1.0: an HMAC-SHA-256 over id, time and body, with
// every secret there is, so that a receiver goes on believing while it changes from one to the next. What makes the HMAC
// is the platform's.
import { err, ok, type Result } from '../result.ts'

/** Fewer bytes than these can be guessed; the specification says so too. */
const leastBytes = 24

/**
 * The keys of a list with commas: `whsec_` and base64, or any text for what it is. The error says what to do, and quotes
 * nothing.
 */
export function parseSecrets(list: string | undefined): Result<readonly Uint8Array[], string> {
  const texts = (list ?? '').split(',').flatMap((text) => text.trim() || [])
  if (texts.length === 0)
    return err('There is no WEBHOOK_SECRET to sign with: set one with `npx wrangler secret put WEBHOOK_SECRET`.')
  const keys = texts.map(keyOf)
  const usable = keys.flatMap((key) => key ?? [])
  return usable.length === keys.length
    ? ok(usable)
    : err(
        `Each WEBHOOK_SECRET must be "whsec_" and the base64 of ${leastBytes} random bytes or more, or as long a text.`,
      )
}

function keyOf(secret: string): Uint8Array | undefined {
  const bytes = secret.startsWith('whsec_')
    ? fromBase64(secret.slice('whsec_'.length))
    : new TextEncoder().encode(secret)
  return bytes !== undefined && bytes.byteLength >= leastBytes ? bytes : undefined
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** What is signed; `seconds` since the epoch. */
export const signedContent = (id: string, seconds: number, body: string): string => `${id}.${seconds}.${body}`

/** The fields of a message; `macs` in base64, one by each secret. */
export function signatureFields(id: string, seconds: number, macs: readonly string[]): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': macs.map((mac) => `v1,${mac}`).join(' '),
  }
}
