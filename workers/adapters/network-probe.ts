// Probes one origin over the network: by a request, or by a connection that is opened and closed.
import { connect } from 'cloudflare:sockets'
import { isExpected, type Probe } from '../../shared/balance/monitor.ts'
import type { ProbeRule } from '../../shared/config/schema.ts'
import type { ProbePort } from '../ports.ts'
import { late, orLate } from '../within.ts'

const mostBodyBytes = 65_536

const passed = (because: string): Probe => ({ passed: true, because })
const failed = (because: string): Probe => ({ passed: false, because })

export const networkProbe: ProbePort = async (url, monitor) => {
  try {
    return await (monitor.type === 'tcp' ? probeByConnection(url, monitor) : probeByRequest(url, monitor))
  } catch {
    // The platform's own words name hosts, and tell no more.
    return failed('no connection')
  }
}

async function probeByRequest(url: string, monitor: ProbeRule): Promise<Probe> {
  const controller = new AbortController()
  try {
    const judged = await orLate(monitor.timeoutMs, judge(url, monitor, controller.signal))
    return judged === late ? lateAfter(monitor) : judged
  } finally {
    // Whatever is left of the body.
    controller.abort()
  }
}

async function judge(url: string, monitor: ProbeRule, signal: AbortSignal): Promise<Probe> {
  const { method, path, headers, expectStatus, expectBody } = monitor
  const response = await fetch(url + path, {
    method,
    headers: { 'user-agent': 'Weir-Monitor', ...headers },
    redirect: 'manual',
    // In production `fetch` looks into a cache of its own otherwise.
    cache: 'no-store',
    signal,
  })
  const status = `status ${response.status}`
  if (!isExpected(response.status, expectStatus)) return failed(status)
  if (expectBody === undefined) return passed(status)
  const found = (await firstText(response)).includes(expectBody)
  return found ? passed(status) : failed(`${status}, but not the expected body`)
}

/** The beginning of the body, whatever it is, as UTF-8. */
async function firstText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let left = mostBodyBytes
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk.subarray(0, left), { stream: true })
    left -= chunk.byteLength
    if (left <= 0) break
  }
  return text
}

async function probeByConnection(url: string, monitor: ProbeRule): Promise<Probe> {
  const { hostname, port, protocol } = new URL(url)
  const socket = connect(`${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`)
  // Both tell of what `opened` has told already.
  const ended = () => undefined
  socket.closed.catch(ended)
  try {
    const opened = await orLate(monitor.timeoutMs, socket.opened)
    return opened === late ? lateAfter(monitor) : passed('connected')
  } finally {
    socket.close().catch(ended)
  }
}

const lateAfter = ({ timeoutMs }: ProbeRule): Probe => failed(`no answer within ${timeoutMs} ms`)
