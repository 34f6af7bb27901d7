// Starts the demo's origins, one process each, and can kill and revive any of them: by function, or over a small
// control server on loopback. A revived origin listens where it did before. Nothing outlives this process: each
// origin holds an IPC channel to it and leaves when that closes.
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Gateway } from './facade.ts'

/** Running origins. `kill` and `revive` reject for an id that was never started, and after `close`. */
export type Origins = {
  /** In the order of the ids. `url` has no slash at its end; `pid` is undefined while the origin is dead. */
  origins: { id: string; url: string; pid(): number | undefined }[]
  /** Without a slash at its end. `GET /`, `POST /kill/:id`, `POST /revive/:id`. */
  controlUrl: string
  /** Tells all of them, and whoever is revived, where to ask the services. */
  introduce(gateway: Gateway): void
  /** SIGKILL; resolves when the origin is dead. */
  kill(id: string): Promise<void>
  /** Resolves when the origin listens again, on the port that it had; rejects when something else took the port. */
  revive(id: string): Promise<void>
  /** Kills every origin and ends the control server. */
  close(): Promise<void>
}

/** One origin through all its lives. The port is given once and kept; `turn` is the end of the queue of its changes. */
type Seat = {
  id: string
  port: number
  child: ChildProcess | undefined
  turn: Promise<void>
  gateway: Gateway | undefined
}

const program = fileURLToPath(new URL('./origin.ts', import.meta.url))
const startLimitMs = 10_000
const exitPortTaken = 1

/**
 * Starts one origin for each id, on any free ports of 127.0.0.1, and the control server.
 * @param ids different; at most 32 letters, digits, - and _ each
 * @throws Error when an origin does not start; those that did are killed first
 */
export async function startOrigins(ids: string[]): Promise<Origins> {
  if (new Set(ids).size !== ids.length) throw new RangeError('the ids of origins must differ')
  const started = await Promise.allSettled(ids.map(open))
  const seats = started.filter((result) => result.status === 'fulfilled').map((result) => result.value)
  const failed = started.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(seats.map(killNow))
    throw failed.reason
  }
  return supervise(seats)
}

async function supervise(seats: Seat[]): Promise<Origins> {
  let closed = false
  const change = async (id: string, step: (seat: Seat) => Promise<void>): Promise<void> => {
    const seat = seats.find((one) => one.id === id)
    if (seat === undefined) throw new RangeError(`there is no origin ${id}`)
    await inTurn(seat, () => (closed ? Promise.reject(new Error('these origins are closed')) : step(seat)))
  }
  const kill = (id: string): Promise<void> => change(id, killNow)
  const revive = (id: string): Promise<void> => change(id, reviveNow)
  const control = createControl(seats, { kill, revive })
  await listen(control)
  const introduce = (gateway: Gateway): void => {
    for (const seat of seats) {
      seat.gateway = gateway
      tell(seat)
    }
  }
  const close = async (): Promise<void> => {
    closed = true
    const ended = new Promise((resolve) => control.close(resolve))
    control.closeAllConnections()
    await Promise.all([ended, ...seats.map((seat) => inTurn(seat, () => killNow(seat)))])
  }
  const origins = seats.map((seat) => ({ id: seat.id, url: urlOf(seat.port), pid: () => seat.child?.pid }))
  return { origins, controlUrl: urlOf((control.address() as AddressInfo).port), introduce, kill, revive, close }
}

/** Changes of one origin happen one after another, whatever became of the one before. */
function inTurn(seat: Seat, step: () => Promise<void>): Promise<void> {
  const mine = seat.turn.then(step)
  // Only the queue forgets a failure; whoever asked for the step still sees it.
  seat.turn = mine.catch(() => undefined)
  return mine
}

async function killNow(seat: Seat): Promise<void> {
  if (seat.child === undefined) return
  const dead = once(seat.child, 'exit')
  seat.child.kill('SIGKILL')
  await dead
}

async function reviveNow(seat: Seat): Promise<void> {
  if (seat.child !== undefined) return
  const outcome = await start(seat.id, seat.port)
  if (outcome.kind === 'failed') throw new Error(outcome.because)
  occupy(seat, outcome.child)
}

/** A seat on a port of its own. */
async function open(id: string): Promise<Seat> {
  for (let tries = 1; ; tries++) {
    const outcome = await start(id, likelyFreePort())
    if (outcome.kind === 'listening') {
      const seat: Seat = { id, port: outcome.port, child: undefined, turn: Promise.resolve(), gateway: undefined }
      occupy(seat, outcome.child)
      return seat
    }
    if (!outcome.portTaken || tries === 20) throw new Error(outcome.because)
  }
}

function occupy(seat: Seat, child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return // it died as soon as it had listened
  seat.child = child
  tell(seat)
  child.once('exit', () => {
    seat.child = undefined
  })
}

function tell({ child, gateway }: Seat): void {
  // Whoever dies meanwhile is told when it is revived.
  if (gateway !== undefined) child?.send(gateway, () => undefined)
}

/**
 * Below the ports that systems hand out for outgoing connections (from 32768 or 49152): under load one of those could
 * take a dead origin's port, and there would be no reviving it.
 */
function likelyFreePort(): number {
  return 20_000 + Math.floor(Math.random() * 12_000)
}

type Outcome =
  | { kind: 'listening'; child: ChildProcess; port: number }
  | { kind: 'failed'; portTaken: boolean; because: string }

/** Starts the process and waits until it listens or has ended. */
async function start(id: string, port: number): Promise<Outcome> {
  const child = spawn(process.execPath, [program, '--id', id, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  }) as ChildProcessByStdio<null, Readable, Readable>
  let complaints = ''
  const listenTo = (chunk: Buffer): void => {
    complaints += chunk
  }
  child.stderr.on('data', listenTo)
  const slow = setTimeout(() => child.kill('SIGKILL'), startLimitMs)
  const outcome = await new Promise<Outcome>((resolve) => {
    createInterface(child.stdout).once('line', () => resolve({ kind: 'listening', child, port }))
    child.once('error', (error) => resolve({ kind: 'failed', portTaken: false, because: error.message }))
    child.once('close', (code) => {
      const because = complaints.trim() || `origin ${id} did not start within ${startLimitMs} ms`
      resolve({ kind: 'failed', portTaken: code === exitPortTaken, because })
    })
  })
  clearTimeout(slow)
  child.stderr.off('data', listenTo).pipe(process.stderr, { end: false })
  return outcome
}

type Change = { kill(id: string): Promise<void>; revive(id: string): Promise<void> }

function createControl(seats: Seat[], change: Change): Server {
  return createServer((request, response) => {
    const [, verb = '', id = '', ...more] = (request.url ?? '/').replace(/\?.*/, '').split('/')
    const asksStatus = verb === '' && id === '' && more.length === 0
    const asksChange = (verb === 'kill' || verb === 'revive') && more.length === 0
    if (!asksStatus && !asksChange) return reply(response, 404, { error: 'GET /, POST /kill/:id, POST /revive/:id' })
    const allow = asksStatus ? 'GET' : 'POST'
    if (request.method !== allow) return reply(response, 405, { error: `${allow} only` }, { Allow: allow })
    if (!asksChange) return reply(response, 200, { origins: seats.map(statusOf) })
    const seat = seats.find((one) => one.id === id)
    if (seat === undefined) {
      return reply(response, 404, { error: `there is no origin ${id}`, ids: seats.map((one) => one.id) })
    }
    change[verb](id).then(
      () => reply(response, 200, { origin: id, state: verb === 'kill' ? 'dead' : 'alive' }),
      (error: unknown) => reply(response, 500, { error: (error as Error).message }),
    )
  })
}

function statusOf(seat: Seat): { id: string; url: string; state: 'alive' | 'dead'; pid?: number } {
  const pid = seat.child?.pid
  const known = { id: seat.id, url: urlOf(seat.port) }
  return pid === undefined ? { ...known, state: 'dead' } : { ...known, state: 'alive', pid }
}

function reply(response: ServerResponse, status: number, value: unknown, headers?: Record<string, string>): void {
  if (response.destroyed) return
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers })
  response.end(`${JSON.stringify(value)}\n`)
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}
