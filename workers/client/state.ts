// The shared state for the Workers of this deployment: what origins do at /_weir/state, with types and without HTTP.
// What was awaited is durable; what cannot be done throws `StateRefused`.
//
//   const carts = stateOf<string[]>('cart', ports)
//   await carts.update('ada', (cart = []) => [...cart, 'pen'])
//   await stateOf<number>('stock', ports).add('42', -1, { min: 0 })
import { defaultState, type NamespaceRule, namespaceRule } from '../../shared/config/state.ts'
import type { Result } from '../../shared/result.ts'
import type { Conditions, Content, Operation, Reply } from '../../shared/state/operation.ts'
import type { Layout } from '../../shared/state/place.ts'
import { type KeyName, keyName, parsePosted, parseTtl } from '../../shared/state/request.ts'
import type { Ports } from '../ports.ts'
import { type Problem, ProblemError } from '../problem.ts'
import { badRequest, refusalProblem, stateAway, valueTooLarge } from '../state/state-problems.ts'

/** What the shared state needs of the gateway. */
export type StatePorts = Pick<Ports, 'configuration' | 'state' | 'now'>

/** `problem` is what an origin would be told. Of a 503 alone nobody knows whether something was changed. */
export class StateRefused extends ProblemError {
  override readonly name = 'StateRefused'
}

export interface Versioned<V> {
  readonly value: V
  readonly version: number
}

export interface Lasting {
  /** Absent: as the namespace says. */
  readonly ttlSeconds?: number | undefined
}

export interface Putting extends Lasting {
  /** Of a lease: refused if another was granted since. */
  readonly fencingToken?: number
}

export interface Counting extends Lasting {
  readonly min?: number
  readonly max?: number
}

export interface Granted {
  readonly token: number
  /** In ms. */
  readonly until: number
}

/** Values that JSON can carry, one under each key of a namespace. */
export interface State<V> {
  get(key: string): Promise<Versioned<V> | undefined>
  /** Replaces what is there. The new version. */
  put(key: string, value: V, options?: Putting): Promise<number>
  /** Only if `version` is still there; undefined: only if nothing is. The new version, undefined where it is not so. */
  compareAndSet(key: string, version: number | undefined, value: V, options?: Putting): Promise<number | undefined>
  /** Puts what `judge` makes of the value; it is asked again where somebody else was faster, so that nothing is lost. */
  update(key: string, judge: (value: V | undefined) => V, options?: Putting): Promise<Versioned<V>>
  /** Whether there was something. */
  delete(key: string, options?: Pick<Putting, 'fencingToken'>): Promise<boolean>
  /** Counts from 0. The new value; undefined, and nothing changed, where it would leave the bounds. */
  add(key: string, by: number, options?: Counting): Promise<number | undefined>
  /** Takes the lease of the key, or renews it; undefined where another holder has it. */
  lease(key: string, holder: string, seconds: number): Promise<Granted | undefined>
  release(key: string, holder: string): Promise<void>
}

/** Where others change a key all the time, an update is judged anew so often. */
const maxTries = 50

const jsonType = 'application/json'

export function stateOf<V>(namespace: string, ports: StatePorts): State<V> {
  const get = async (key: string): Promise<Versioned<V> | undefined> => {
    const place = await placeOf(namespace, key, ports)
    const reply = await ask(place, { kind: 'read', ...place.name }, ports)
    return reply.kind === 'found' ? { value: parsedValue<V>(reply.content, place), version: reply.version } : undefined
  }

  const write = async (key: string, value: V, options: Putting, conditions: Conditions): Promise<Reply> => {
    const place = await placeOf(namespace, key, ports)
    const content = contentOf(value, place)
    return ask(place, { kind: 'put', ...changeOf(place, options), ...conditions, content }, ports)
  }

  const compareAndSet: State<V>['compareAndSet'] = async (key, version, value, options = {}) => {
    const reply = await write(
      key,
      value,
      options,
      version === undefined ? { ifNoneMatch: 'any' } : { ifMatch: [version] },
    )
    return reply.kind === 'refused' && reply.because === 'changed' ? undefined : done(reply, 'written').version
  }

  return {
    get,
    compareAndSet,

    async put(key, value, options = {}) {
      return done(await write(key, value, options, {}), 'written').version
    },

    async update(key, judge, options) {
      for (let tries = 0; tries < maxTries; tries++) {
        const found = await get(key)
        const value = judge(found?.value)
        const version = await compareAndSet(key, found?.version, value, options)
        if (version !== undefined) return { value, version }
      }
      throw new StateRefused(tooBusy)
    },

    async delete(key, options = {}) {
      const place = await placeOf(namespace, key, ports)
      const reply = await ask(place, { kind: 'remove', ...changeOf(place, options) }, ports)
      return reply.kind === 'absent' ? false : done(reply, 'removed').version > 0
    },

    async add(key, by, { ttlSeconds, ...bounds } = {}) {
      const place = await placeOf(namespace, key, ports)
      const posted = checked(parsePosted({ add: by, ...bounds }))
      const reply = await ask(place, { ...changeOf(place, { ttlSeconds }), ...posted } as Operation, ports)
      if (reply.kind === 'refused' && reply.because === 'out-of-bounds') return undefined
      return done(reply, 'counted').value
    },

    async lease(key, holder, seconds) {
      const place = await placeOf(namespace, key, ports)
      const posted = checked(parsePosted({ lease: { holder, seconds } }))
      const reply = await ask(place, { ...place.name, ...posted } as Operation, ports)
      if (reply.kind === 'refused' && reply.because === 'held') return undefined
      const { token, until } = done(reply, 'leased')
      return { token, until }
    },

    async release(key, holder) {
      const place = await placeOf(namespace, key, ports)
      done(await ask(place, { kind: 'lease', ...place.name, holder, seconds: 0 }, ports), 'released')
    },
  }
}

/** Where a key is, and what binds it. */
interface KeyPlace {
  readonly name: KeyName
  readonly rule: NamespaceRule
  readonly layout: Layout
}

async function placeOf(namespace: string, key: string, { configuration, now }: StatePorts): Promise<KeyPlace> {
  const name = checked(keyName(namespace, key))
  const nobodyWaits = () => undefined
  const snapshot = configuration.held(now(), nobodyWaits) ?? (await configuration.load(now(), nobodyWaits))
  const state = snapshot?.config.state ?? defaultState
  const layout = { shards: state.shards, version: snapshot?.version ?? 0 }
  return { name, rule: namespaceRule(state, namespace), layout }
}

async function ask({ rule, layout }: KeyPlace, operation: Operation, { state }: StatePorts): Promise<Reply> {
  const reply = await state.apply(operation, rule, layout)
  if (reply === undefined) throw new StateRefused(stateAway(operation.kind !== 'read'))
  return reply
}

function changeOf({ name, rule }: KeyPlace, { fencingToken, ttlSeconds = rule.ttlSeconds }: Putting) {
  if (ttlSeconds !== undefined) checked(parseTtl(new URLSearchParams({ ttl: String(ttlSeconds) })))
  return {
    ...name,
    write: rule.write,
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...(fencingToken !== undefined && { fencingToken }),
  }
}

function contentOf(value: unknown, { name, rule }: KeyPlace): Content {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError('A value must be one that JSON can carry: delete the key to have none.')
  const bytes = new TextEncoder().encode(text)
  if (bytes.byteLength > rule.maxBytes) throw new StateRefused(valueTooLarge(name.namespace, rule.maxBytes))
  return { type: jsonType, bytes }
}

function parsedValue<V>({ type, bytes }: Content, { name }: KeyPlace): V {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as V
  } catch (cause) {
    throw new TypeError(`What ${name.namespace}/${name.key} has is ${type} and no JSON: read it at /_weir/state.`, {
      cause,
    })
  }
}

function checked<T>(parsed: Result<T, string>): T {
  if (!parsed.ok) throw new StateRefused(badRequest('bad-operation', parsed.error))
  return parsed.value
}

/** The reply, which is one of this kind where it is no refusal. */
function done<K extends Reply['kind']>(reply: Reply, kind: K): Extract<Reply, { kind: K }> {
  if (reply.kind === 'refused') throw new StateRefused(refusalProblem(reply))
  if (reply.kind !== kind) throw new Error(`The shared state has answered ${reply.kind} where ${kind} was to come.`)
  return reply as Extract<Reply, { kind: K }>
}

const tooBusy: Problem = {
  status: 503,
  reason: 'state-busy',
  detail: 'Others change this key all the time. Nothing was changed: try again, or give it fewer writers.',
  headers: { 'retry-after': '1' },
}
