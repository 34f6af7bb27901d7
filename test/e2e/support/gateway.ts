// A gateway for one test file, on the configuration that it needs.
import { parseDocument } from '../../../shared/config/parse.ts'
import { type LocalGateway, startLocalGateway } from '../../../workers/cli/local-gateway.ts'

export const adminToken = 'a-token-for-tests'

export interface TestGateway extends LocalGateway {
  /** Everything that the Worker has written to its log. */
  readonly log: string[]
  /** Replaces the configuration over the admin API. */
  configure(document: unknown): Promise<void>
}

/** `entry` is the Worker's main file, where it is not the gateway's own; `variables` are secrets, by their names. */
export async function startGateway(
  document: unknown,
  entry?: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<TestGateway> {
  const parsed = parseDocument(document)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  const log: string[] = []
  const onLog = (line: string) => log.push(line)
  const gateway = await startLocalGateway({
    document: JSON.stringify(document),
    port: 0,
    adminToken,
    onLog,
    variables,
    ...(entry !== undefined && { entry }),
  })
  const configure = async (next: unknown) => {
    const response = await fetch(`${gateway.url}/_weir/api/config`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify(next),
    })
    if (!response.ok) throw new Error(await response.text())
  }
  return { ...gateway, log, configure }
}

/** The member of Cache-Status that this gateway has added: the last one. */
export function cacheStatus(response: Response): string {
  return response.headers.get('cache-status')?.split(', ').at(-1) ?? ''
}
