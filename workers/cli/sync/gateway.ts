// The admin API of a gateway, as far as the files of a site go. Whatever it says no to becomes an error for people.
import { openAsBlob } from 'node:fs'
import type { Change, KeptFile } from './folder.ts'

export interface Gateway {
  /** All files below a path. */
  list(under: string): Promise<KeptFile[]>
  put(change: Change): Promise<void>
  remove(path: string): Promise<void>
  purge(tags: readonly string[]): Promise<void>
}

const assets = '/_weir/api/assets'
/** Beside the time that a body takes on a slow line, which several uploads share. */
const patienceMs = 120_000
const slowestBytesPerMs = 20

type Content = NonNullable<RequestInit['body']>

export function gatewayAt(url: string, token: string): Gateway {
  const ask = (method: string, path: string, body?: Content) => send(url, token, method, path, body)
  return {
    async list(under) {
      const files: KeptFile[] = []
      for (let after: string | undefined = ''; after !== undefined; ) {
        const query = new URLSearchParams({ under, ...(after !== '' && { after }) })
        const page = (await (await ask('GET', `${assets}?${query}`)).json()) as Page
        files.push(...page.assets)
        after = page.after
      }
      return files
    },

    async put(change) {
      if (change.verb === 'delete') return
      const response = await ask('PUT', `${assets}${change.path}?purge=no`, await openAsBlob(change.file))
      if (response.headers.get('etag') !== change.etag)
        throw new Error(`${change.file} has changed while it was sent: run this again.`)
    },

    async remove(path) {
      await ask('DELETE', `${assets}${path}?purge=no`)
    },

    async purge(tags) {
      await ask('POST', '/_weir/api/purge', JSON.stringify({ tags }))
    },
  }
}

interface Page {
  readonly assets: readonly KeptFile[]
  readonly after?: string
}

async function send(url: string, token: string, method: string, path: string, body?: Content): Promise<Response> {
  const sendingMs = body instanceof Blob ? Math.ceil(body.size / slowestBytesPerMs) : 0
  const init: RequestInit = {
    method,
    headers: { authorization: `Bearer ${token}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(patienceMs + sendingMs),
    ...(body !== undefined && { body }),
  }
  const response = await fetch(url + path, init).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
    throw new Error(`${method} ${url}${path}: no answer (${cause}).`)
  })
  if (response.ok) return response
  throw new Error(`${method} ${url}${path}: ${response.status}. ${detailOf(await response.text())}`)
}

/** What the gateway says about it; somebody else may have answered in its place. */
function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown }
    return typeof detail === 'string' ? detail : 'Is this the gateway?'
  } catch {
    return 'Is this the gateway?'
  }
}
