// The gateway's own endpoints on stores in memory, with requests as an administrator makes them.
import { gatewayApp } from '../../../workers/admin/gateway-app.ts'
import { type Configuration, type ConfigurationSources, createConfiguration } from '../../../workers/configuration.ts'
import type { MonitorPort } from '../../../workers/ports.ts'
import { type HeldBackground, holdBackground } from './background.ts'

export const token = 'a-token-for-tests'
export const configUrl = 'http://gateway.test/_weir/api/config'
export const purgeUrl = 'http://gateway.test/_weir/api/purge'

export interface GatewayUnderTest {
  readonly configuration: Configuration
  readonly held: HeldBackground
  /** With the token, unless `init` says otherwise. */
  ask(url: string, init?: RequestInit): Promise<Response>
  /** Replaces the configuration. */
  put(body: BodyInit, headers?: Record<string, string>): Promise<Response>
  /** Purges what the object names; a text is sent as it is. */
  purge(body: BodyInit | object): Promise<Response>
}

/** `adminToken` is the one that is configured, where it is not the one that is shown. */
export function gatewayOn(
  sources: ConfigurationSources,
  { adminToken }: { readonly adminToken: string | undefined } = { adminToken: token },
  monitors: MonitorPort = { share: async () => undefined, arm: async () => undefined },
): GatewayUnderTest {
  const configuration = createConfiguration(sources, () => 0)
  const state = { apply: async () => undefined, fill: async () => undefined, report: async () => new Map() }
  const app = gatewayApp({
    adminToken,
    configuration,
    sources,
    monitors,
    state,
    proxy: async () => new Response(),
    now: () => Date.now(),
  })
  const held = holdBackground()
  const ask = async (url: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) }
    return app(new Request(url, { ...init, headers }), held.background)
  }
  return {
    configuration,
    held,
    ask,
    put: (body, headers = {}) => ask(configUrl, { method: 'PUT', body, headers }),
    purge: (body) => {
      const isPlain = Object.getPrototypeOf(body) === Object.prototype
      return ask(purgeUrl, { method: 'POST', body: isPlain ? JSON.stringify(body) : (body as BodyInit) })
    },
  }
}
