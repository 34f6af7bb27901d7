// Sessions for the Workers of this deployment: what origins do by header fields or at /_weir/session, with types and
// without HTTP. What was awaited is durable; what cannot be done throws `SessionRefused`, and has changed nothing.
//
//   const session = sessionOf<{ cart: string[]; user: string }>(request, ports)
//   await session.update(({ cart = [] }) => ({ cart: [...cart, item] }))
//   return session.passOn(Response.json(await session.values()))
import { forThisClient } from '../../shared/http/set-cookie.ts'
import type { Target } from '../../shared/http/target.ts'
import { isArray, type JsonObject } from '../../shared/json/json.ts'
import { type JsonPatch, parseJsonPatch } from '../../shared/json/json-patch.ts'
import { parseCookies } from '../../shared/key.ts'
import {
  applyChange,
  type SessionChange,
  type SessionOutcome,
  type SessionView,
  type Values,
} from '../../shared/session/session.ts'
import type { Ports } from '../ports.ts'
import { ProblemError } from '../problem.ts'
import { sessionUnavailable, sessionUncertain } from '../session/session.ts'
import {
  endedCookie,
  newSessionId,
  openSession,
  openSessionToken,
  sessionCookie,
  sessionCookieNames,
} from '../session/session-cookie.ts'
import { changeProblem, noSession } from '../session/session-problems.ts'
import { policyOf } from '../session/settle-session.ts'

/** What sessions need of the gateway. */
export type SessionPorts = Pick<Ports, 'configuration' | 'sessions' | 'seal' | 'now'>

/** `problem` is what the client may be told. */
export class SessionRefused extends ProblemError {
  override readonly name = 'SessionRefused'
}

/** The session of a request: of the client that it came from, or of the request that the gateway has passed on. */
export function sessionOf<V extends object = JsonObject>(request: Request, ports: SessionPorts): ClientSession<V> {
  return new ClientSession<V>(request, ports)
}

/** Where others change the session all the time, an update is judged anew so often. */
const maxTries = 30

/** It is begun by the first value that is written. Calls take turns. */
export class ClientSession<V extends object> {
  readonly #request: Request
  readonly #ports: SessionPorts
  #lastTurn: Promise<unknown> = Promise.resolve()
  #refused: SessionRefused | undefined
  /** Undefined before anybody has asked. */
  #held: Held | undefined
  #cookie: string | undefined

  constructor(request: Request, ports: SessionPorts) {
    this.#request = request
    this.#ports = ports
  }

  /** All values; none where there is no session. One call of an object for all reads of a request. */
  values(): Promise<Partial<V>> {
    return this.#inTurn(async () => (await this.#view())?.values as Partial<V>).then((values) => values ?? {})
  }

  async get<K extends keyof V>(key: K): Promise<V[K] | undefined> {
    const values = await this.values()
    return Object.hasOwn(values, key) ? values[key] : undefined
  }

  /** Sets some values, whatever the others are. */
  set(values: Partial<V>): Promise<void> {
    return this.#inTurn(() => this.#write({ kind: 'set', values: asJson(values) }))
  }

  delete(...keys: (keyof V & string)[]): Promise<void> {
    return this.#inTurn(() => this.#write({ kind: 'delete', keys }))
  }

  /** A JSON Patch (RFC 6902), which may test what is there, or a merge patch (RFC 7396). */
  patch(patch: JsonPatch | JsonObject): Promise<void> {
    return this.#inTurn(() => this.#write(changeOf(patch)))
  }

  /** Sets what `judge` makes of the values; it is asked again where somebody else was faster, so that nothing is lost. */
  update(judge: (values: Partial<V>) => Partial<V>): Promise<void> {
    return this.#inTurn(() => this.#update(judge))
  }

  /** The session goes on under a new id, which the client gets: for whoever logs in. */
  regenerate(values: Partial<V> = {}): Promise<void> {
    return this.#inTurn(() => this.#regenerate({ kind: 'set', values: asJson(values) }))
  }

  /** Ends it for good. */
  destroy(): Promise<void> {
    return this.#inTurn(async () => {
      const id = await this.#id()
      if (id === undefined) return
      const { sessions, now } = this.#ports
      const isEnded = await sessions.destroy(id, now())
      // Whoever has a new id by now keeps it.
      if (!isEnded) throw new SessionRefused(isEnded === undefined ? sessionUncertain : noSession)
      this.#held = {}
      this.#cookie = endedCookie(this.#scheme)
    })
  }

  /** When all that is under way is done; the first of it that was refused. */
  async settled(): Promise<SessionRefused | undefined> {
    this.#refused = undefined
    await this.#lastTurn
    return this.#refused
  }

  /** The answer with the cookie that the client is to have from now on, if it changes. */
  passOn(response: Response): Response {
    if (this.#cookie === undefined) return response
    const passed = new Response(response.body, response)
    passed.headers.append('set-cookie', this.#cookie)
    forThisClient(passed.headers)
    return passed
  }

  async #update(judge: (values: Partial<V>) => Partial<V>): Promise<void> {
    for (let tries = 0; tries < maxTries; tries++) {
      const view = await this.#view()
      const change = { kind: 'set', values: asJson(judge((view?.values ?? {}) as Partial<V>)) } as const
      const written = await this.#tryWrite(change, view?.version)
      if (written?.kind !== 'conflict') return orRefused(written, change)
      this.#held = { id: this.#held?.id }
    }
    throw new SessionRefused(sessionUnavailable)
  }

  async #write(change: SessionChange): Promise<void> {
    return orRefused(await this.#tryWrite(change, undefined), change)
  }

  async #tryWrite(change: SessionChange, ifVersion: number | undefined): Promise<Written> {
    const id = await this.#id()
    if (id === undefined) return this.#begin(change)
    const { sessions, now } = this.#ports
    const outcome = await sessions.write(id, change, ifVersion, now())
    if (outcome?.kind === 'gone') return this.#begin(change)
    if (outcome?.kind === 'ok') this.#held = { id, view: outcome, isRead: true }
    return outcome
  }

  async #regenerate(change: SessionChange): Promise<void> {
    const id = await this.#id()
    return orRefused(await (id === undefined ? this.#begin(change) : this.#replace(id, change)), change)
  }

  async #replace(id: string, change: SessionChange): Promise<Written> {
    const { sessions, now } = this.#ports
    const newId = newSessionId()
    const outcome = await sessions.regenerate(id, newId, change, undefined, now())
    if (outcome?.kind === 'gone') return this.#begin(change)
    if (outcome?.kind === 'ok') await this.#became(newId, outcome)
    return outcome
  }

  /** For nothing no session is begun. */
  async #begin(change: SessionChange): Promise<Written> {
    const values = applyChange({}, change)
    if (!values.ok) return { kind: 'invalid', because: values.error }
    if (Object.keys(values.value).length === 0) return { kind: 'ok' }
    const { configuration, sessions, now } = this.#ports
    // An old one is renewed behind the gateway's own responses.
    const snapshot = configuration.held(now(), () => undefined) ?? (await configuration.load(now(), () => undefined))
    if (snapshot === undefined) return undefined
    const id = newSessionId()
    const outcome = await sessions.create(id, values.value, policyOf(snapshot), now())
    if (outcome?.kind === 'ok') await this.#became(id, outcome)
    return outcome
  }

  async #became(id: string, view: SessionView): Promise<void> {
    this.#held = { id, view, isRead: true }
    this.#cookie = await sessionCookie(this.#ports.seal, this.#scheme, id, view.until - this.#ports.now())
  }

  async #view(): Promise<SessionView | undefined> {
    const id = await this.#id()
    if (id === undefined || this.#held?.isRead) return this.#held?.view
    const view = await this.#read(id)
    this.#held = { id, view, isRead: true }
    return view
  }

  async #read(id: string): Promise<SessionView | undefined> {
    const { sessions, now } = this.#ports
    const read = await sessions.read(id, now())
    if (read === undefined) throw new SessionRefused(sessionUnavailable)
    return read.view
  }

  /**
   * A token comes from the gateway, which has just read the session: where it is over by now the client has another, which
   * nothing may take the place of. A cookie may be of a session that has long ended, and is as none then.
   */
  async #id(): Promise<string | undefined> {
    this.#held ??= (await this.#heldByToken()) ?? (await this.#heldByCookie()) ?? {}
    return this.#held.id
  }

  async #heldByToken(): Promise<Held | undefined> {
    const token = this.#request.headers.get('weir-session-token')
    const opened = token === null ? undefined : await openSessionToken(this.#ports.seal, token)
    return opened && { id: opened.id }
  }

  async #heldByCookie(): Promise<Held | undefined> {
    const cookie = parseCookies(this.#request.headers.get('cookie')).get(sessionCookieNames[this.#scheme])
    const id = cookie === undefined ? undefined : await openSession(this.#ports.seal, cookie)
    const view = id === undefined ? undefined : await this.#read(id)
    return view && { id, view, isRead: true }
  }

  /** Of the client. */
  get #scheme(): Target['scheme'] {
    const { headers, url } = this.#request
    return headers.get('x-forwarded-proto') === 'https' || url.startsWith('https:') ? 'https' : 'http'
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch((error) => {
      if (error instanceof SessionRefused) this.#refused ??= error
    })
    return turn
  }
}

/** `view` is undefined where there is none any more, once it is read. */
interface Held {
  readonly id?: string | undefined
  readonly view?: SessionView | undefined
  readonly isRead?: boolean
}

/** What became of a change; undefined where nobody knows. */
type Written = { readonly kind: 'ok' } | Exclude<SessionOutcome, { kind: 'ok' }> | undefined

function orRefused(written: Written, { kind }: SessionChange): void {
  if (written?.kind !== 'ok') throw new SessionRefused(changeProblem(written, kind))
}

/** As it will be read again; what JSON has no word for is left out. */
const asJson = (values: object): Values => JSON.parse(JSON.stringify(values))

function changeOf(given: JsonPatch | JsonObject): SessionChange {
  const patch = asJson(given)
  if (!isArray(patch)) return { kind: 'mergePatch', patch }
  const parsed = parseJsonPatch(patch)
  if (!parsed.ok) throw new TypeError(`The JSON Patch ${parsed.error}.`)
  return { kind: 'jsonPatch', patch: parsed.value }
}
