// Passwords as they are kept: PBKDF2 with a salt of its own for each, and how it was derived beside it, so that the number of
// iterations can be raised. What was typed is never kept.

/** As many as Workers allow. */
const iterations = 100_000
const saltBytes = 16
const hashBits = 256

/** `pbkdf2-sha256$ITERATIONS$SALT$HASH`, both in base64. */
export async function keepPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(saltBytes))
  const hash = await derive(password, salt, iterations)
  return ['pbkdf2-sha256', iterations, base64(salt), base64(hash)].join('$')
}

/** Takes as long where nobody has such an account (`kept` undefined): the answer's timing tells no account. */
export async function isPassword(password: string, kept: string | undefined): Promise<boolean> {
  const [, rounds, salt, hash] = (kept ?? nobodys).split('$')
  const wanted = bytesOf(hash ?? '')
  const derived = await derive(password, bytesOf(salt ?? ''), Number(rounds))
  return wanted.length === derived.length && crypto.subtle.timingSafeEqual(derived, wanted) && kept !== undefined
}

const nobodys = `pbkdf2-sha256$${iterations}$${btoa('0'.repeat(saltBytes))}$${btoa('0'.repeat(hashBits / 8))}`

async function derive(password: string, salt: Uint8Array, rounds: number): Promise<Uint8Array> {
  const typed = new TextEncoder().encode(password.normalize('NFKC'))
  const key = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveBits'])
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }
  return new Uint8Array(await crypto.subtle.deriveBits(derivation, key, hashBits))
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
const bytesOf = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
