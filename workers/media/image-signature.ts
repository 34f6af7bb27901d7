// The MAC of an image's URL, by Web Crypto, which the Worker and the command line both have.

/** HMAC-SHA-256 of a text, in base64url. */
export async function imageMac(secret: string, text: string): Promise<string> {
  const bytes = (each: string) => new TextEncoder().encode(each)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes(secret), hmac, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(text)))
  return btoa(String.fromCharCode(...mac))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '')
}
