// How much processor time a workerd process has used. All contestants share the cores with the load and the origin,
// so what one request costs the Worker shows here and not in requests a second alone. Linux only.
import { readdirSync, readFileSync } from 'node:fs'

/** The clock ticks of /proc, the same on every Linux that Node runs on. */
const microsecondsPerTick = 10_000

/** The workerd processes that this process has started. */
export function workerdProcesses(): number[] {
  const ids = listProcesses()
  return ids.filter((id) => {
    const stat = readStat(id)
    return stat?.name === 'workerd' && stat.parent === process.pid
  })
}

/** User and system time in microseconds since the process started, undefined where that cannot be told. */
export function cpuMicroseconds(id: number): number | undefined {
  const ticks = readStat(id)?.ticks
  return ticks === undefined ? undefined : ticks * microsecondsPerTick
}

/** Memory that the process has in use, in bytes; undefined where that cannot be told. */
export function residentBytes(id: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
  } catch {
    return undefined // it has ended, or there is no /proc
  }
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return [] // another system: there is no /proc
  }
}

/** `pid (name) state ppid …`; user and system time are the 14th and 15th (proc_pid_stat(5)). */
function readStat(id: number): { name: string; parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${id}/stat`, 'utf8')
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined // it has ended
  }
}
