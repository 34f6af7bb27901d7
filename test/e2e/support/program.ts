// A command as a user starts it, in an environment without traces of the test run: what it prints, how it ends, and
// which processes belong to it. It leads a process group of its own, as in a terminal, so that every process that it
// starts can be found even when the processes between are gone.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Where package.json is. */
export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

const limitMs = 60_000

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Program {
  readonly stdout: string
  readonly stderr: string
  /** Resolves when standard output matches; rejects, with all that was printed, when the program ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves when the program has ended and everything that it printed is here. */
  readonly ended: Promise<Ending>
  /** To the program that was started, and to it alone: what a supervisor does. */
  signal(name: NodeJS.Signals): void
  /** To the whole process group: what a terminal does on Ctrl-C. */
  signalGroup(name: NodeJS.Signals): void
  /** The command lines of its processes that still live, itself included. */
  processes(): string[]
  /** Resolves when none of its processes is left; rejects with their command lines after `withinMs`. */
  gone(withinMs?: number): Promise<void>
  /** Ends it without ceremony, after a test. */
  kill(): Promise<void>
}

export interface ProgramOptions {
  /** The project's folder where nothing is said. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(command, args, {
    cwd: options.cwd ?? projectFolder,
    env: { ...usersEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const group = child.pid
  if (group === undefined) throw new Error(`${command} could not be started`)
  const output = collect(child)
  const processes = () => membersOf(group)
  const gone = (withinMs = 15_000) => emptied(processes, withinMs)
  return {
    get stdout() {
      return output.stdout()
    },
    get stderr() {
      return output.stderr()
    },
    printed: output.printed,
    ended: output.ended,
    signal: (name) => void child.kill(name),
    signalGroup: (name) => void process.kill(-group, name),
    processes,
    gone,
    async kill() {
      try {
        process.kill(-group, 'SIGKILL')
      } catch {
        // ESRCH: it has ended already.
      }
      await gone()
    },
  }
}

export interface Run extends Ending {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Rejects when it leaves a process behind. */
export async function runProgram(command: string, args: readonly string[], options?: ProgramOptions): Promise<Run> {
  const program = startProgram(command, args, options)
  try {
    const ending = await program.ended
    await program.gone()
    return { ...ending, stdout: program.stdout, stderr: program.stderr }
  } finally {
    await program.kill()
  }
}

/** The same command in a network that holds nothing but a loopback; undefined where this system gives nobody one. */
export function withoutNetwork(command: string, args: readonly string[]): [string, string[]] | undefined {
  const wrapped = (...rest: string[]) => ['-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...rest]
  const possible = spawnSync('unshare', wrapped('true')).status === 0
  return possible ? ['unshare', wrapped(command, ...args)] : undefined
}

/** Whether something accepts connections at this URL. */
export function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function collect(child: ChildProcess): Pick<Program, 'printed' | 'ended'> & Record<'stdout' | 'stderr', () => string> {
  const text = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const watch of watchers) watch()
    })
  }
  let over = false
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      over = true
      for (const watch of watchers) watch()
      resolve({ code, signal })
    })
  })
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const settle = (because: string | undefined) => {
        const found = pattern.exec(text.stdout)
        if (found === null && because === undefined) return
        clearTimeout(timer)
        watchers.delete(watch)
        if (found !== null) resolve(found)
        else reject(new Error(`${pattern} was not printed ${because}.\n${text.stdout}\n${text.stderr}`))
      }
      const watch = () => settle(over ? 'before the program ended' : undefined)
      const timer = setTimeout(() => settle(`within ${limitMs} ms`), limitMs)
      watchers.add(watch)
      watch()
    })
  return { printed, ended, stdout: () => text.stdout, stderr: () => text.stderr }
}

/** This process's environment less what npm and the test runner have put into it. */
function usersEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(npm_|INIT_CWD$|FORCE_COLOR$|NODE_ENV$|NODE_OPTIONS$|NODE_PATH$|VITEST|VITE_|TEST$|MODE$|DEV$|PROD$|SSR$|BASE_URL$)/i
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name))
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !/node_modules/.test(folder))
  return { ...Object.fromEntries(kept), PATH: path.join(':') }
}

/** Command lines of the living processes of one process group. */
function membersOf(group: number): string[] {
  return existsSync('/proc/self/stat') ? membersByProc(group) : membersByPs(group)
}

function membersByProc(group: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (statOf(pid).group !== group || !hasLivingThread(pid)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`]
      } catch {
        return [] // it has ended while we looked
      }
    })
}

/** A process keeps its ports and files until the last of its threads has ended, be the first a zombie by then. */
function hasLivingThread(pid: string): boolean {
  return readdirSync(`/proc/${pid}/task`).some((thread) => {
    try {
      return !/[ZX]/.test(statOf(`${pid}/task/${thread}`).state)
    } catch {
      return false // it has ended while we looked
    }
  })
}

function statOf(path: string): { readonly state: string; readonly group: number } {
  const stat = readFileSync(`/proc/${path}/stat`, 'latin1')
  // Behind the name, which is in brackets and may hold anything: state, parent, group.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: state!, group: Number(group) }
}

/** Where there is no /proc. */
function membersByPs(group: number): string[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pgid=,stat=,pid=,command='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((line) => {
    const [, its, state, rest] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return Number(its) === group && !state?.startsWith('Z') ? [rest!] : []
  })
}

async function emptied(processes: () => string[], withinMs: number): Promise<void> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    const left = processes()
    if (left.length === 0) return
    if (performance.now() > untilMs) throw new Error(`Still running after ${withinMs} ms:\n${left.join('\n')}`)
    await pause(50) // no event tells of the end of a process that is not a child
  }
}
