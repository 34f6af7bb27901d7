// What carries a session: the client's cookie, and the token by which an origin may ask for it. Both are signed, so that
// nobody makes one up, and no object is called for what was made up.
import { setCookie } from '../../shared/http/set-cookie.ts'
import type { Target } from '../../shared/http/target.ts'
import type { SealPort } from '../ports.ts'

/** `__Host-` is the promise that no other host has set it; browsers keep it over TLS alone. */
export const sessionCookieNames = { https: '__Host-weir-session', http: 'weir-session' } as const

const idBytes = 18

/** Of 144 random bits, in characters that a cookie may have. */
export function newSessionId(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(idBytes)))
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')

/** The value of the cookie. */
export async function sealSession(seal: SealPort, id: string): Promise<string> {
  return `${id}.${await seal.mac(`session ${id}`)}`
}

/** The id in a cookie's value; undefined where this gateway has not made it. */
export async function openSession(seal: SealPort, value: string): Promise<string | undefined> {
  const [, id, mac] = /^([\w-]{24})\.([\w-]{43})$/.exec(value) ?? []
  return id !== undefined && mac !== undefined && (await seal.isMac(`session ${id}`, mac)) ? id : undefined
}

/** Set-Cookie for a session that ends in `maxAgeMs` at the latest. */
export async function sessionCookie(
  seal: SealPort,
  scheme: Target['scheme'],
  id: string,
  maxAgeMs: number,
): Promise<string> {
  const value = await sealSession(seal, id)
  return setCookie(sessionCookieNames[scheme], value, Math.max(1, Math.ceil(maxAgeMs / 1000)), scheme === 'https')
}

/** Set-Cookie for a session that has ended. */
export const endedCookie = (scheme: Target['scheme']): string =>
  setCookie(sessionCookieNames[scheme], '', 0, scheme === 'https')

/** By which the origins of a pool may ask for the session, beside the pool's credential. No part has a dot in it. */
export async function sessionToken(seal: SealPort, id: string, pool: string): Promise<string> {
  const text = `${id}.${pool}`
  return `${text}.${await seal.mac(`session-token ${text}`)}`
}

/** Whose token it is; undefined where this gateway has not made it. */
export async function openSessionToken(
  seal: SealPort,
  token: string,
): Promise<{ readonly id: string; readonly pool: string } | undefined> {
  const [, text, id, pool, mac] = /^(([\w-]{24})\.([\w-]{1,64}))\.([\w-]{43})$/.exec(token) ?? []
  if (text === undefined || id === undefined || pool === undefined || mac === undefined) return undefined
  return (await seal.isMac(`session-token ${text}`, mac)) ? { id, pool } : undefined
}
