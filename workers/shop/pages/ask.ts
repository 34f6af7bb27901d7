// How a page asks the other services: in the name of the client whose page it is, or in nobody's.
import type { Service } from '../calls.ts'
import type { ShopPorts } from '../ports.ts'
import type { ShopContext } from '../service.ts'

export interface Answer<T> {
  readonly status: number
  /** Undefined where it was refused, or has no content. */
  readonly value: T | undefined
  /** What the service says of a refusal, for people. */
  readonly problem: string | undefined
  readonly headers: Headers
}

/** With these the service finds the client's session, and knows from where it comes. */
const clientFields = ['cookie', 'weir-session-token', 'x-forwarded-for', 'x-forwarded-proto']

export interface Asking {
  readonly method?: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** For what everybody may know. */
export function askForAll<T>(ports: ShopPorts, to: Service, path: string): Promise<Answer<T>> {
  return ask(ports, to, new Request(`http://${to}.invalid${path}`))
}

/** The client gets the cookies that the service sets. */
export async function askForClient<T>(
  context: ShopContext,
  ports: ShopPorts,
  to: Service,
  path: string,
  { method = 'GET', json, headers: given }: Asking = {},
): Promise<Answer<T>> {
  const headers = new Headers(given)
  for (const name of clientFields) {
    const value = context.req.header(name)
    if (value !== undefined) headers.set(name, value)
  }
  if (json !== undefined) headers.set('content-type', 'application/json')
  const body = json === undefined ? null : JSON.stringify(json)
  const answer = await ask<T>(ports, to, new Request(new URL(path, context.req.url), { method, headers, body }))
  for (const cookie of answer.headers.getSetCookie()) context.header('set-cookie', cookie, { append: true })
  return answer
}

async function ask<T>({ calls }: ShopPorts, to: Service, request: Request): Promise<Answer<T>> {
  const response = await calls(to, request)
  const { status, headers } = response
  const text = await response.text()
  const value: unknown = text === '' ? undefined : JSON.parse(text)
  if (response.ok) return { status, value: value as T, problem: undefined, headers }
  return { status, value: undefined, problem: (value as { detail?: string } | undefined)?.detail ?? text, headers }
}
