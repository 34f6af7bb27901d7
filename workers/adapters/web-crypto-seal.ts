// What only this gateway can make: HMAC-SHA-256 by Web Crypto, with a key that is derived from a secret.
import type { SealPort } from '../ports.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/**
 * Without a secret the key is this isolate's own: what it has sealed means nothing to others, nor after it. That is a
 * gateway without an admin token, on a laptop.
 */
export function webCryptoSeal(secret: string | undefined): SealPort {
  let known: CryptoKey | undefined
  const material = secret || crypto.randomUUID()
  // A promise must not be shared between requests; the key may.
  const key = async () => (known ??= await derive(material))
  const mac = async (text: string) => {
    const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', await key(), bytesOf(text)))
    return btoa(String.fromCharCode(...bytes))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace('=', '')
  }
  return {
    mac,
    async isMac(text, given) {
      const [left, right] = [bytesOf(await mac(text)), bytesOf(given)]
      return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right)
    },
  }
}

/** RFC 5869: the secret serves another purpose too. */
async function derive(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', bytesOf(secret), 'HKDF', false, ['deriveKey'])
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: bytesOf('weir cookie 1') }
  const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 }
  return crypto.subtle.deriveKey(hkdf, material, hmac, false, ['sign'])
}
