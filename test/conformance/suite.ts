// The public HTTP cache test suite on the gateway in workerd: the suite's client before it, the suite's origin server
// behind it. Once a process, since the suite keeps its results in its modules.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { devNull } from 'node:os'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { makeCacheTest, testResults } from 'http-cache-tests/client/test.mjs'
import commonGroups, { type Test } from 'http-cache-tests/tests/index.mjs'
import surrogateControl from 'http-cache-tests/tests/surrogate-control.mjs'
import { startLocalGateway } from '../../workers/cli/local-gateway.ts'

export type Kind = 'required' | 'optimal' | 'check'

export interface Result {
  readonly group: string
  readonly id: string
  readonly name: string
  readonly kind: Kind
  /** What the suite says against it; undefined: passed. */
  readonly failure: string | undefined
}

const requireHere = createRequire(import.meta.url)
const packageFile = requireHere.resolve('http-cache-tests/package.json')

/**
 * Takes about twenty seconds. Tests that fail, and are not among those that are expected to, are run once more: they go by
 * the clock, and a busy machine makes them late.
 */
export async function runSuite(expectedToFail: ReadonlySet<string>): Promise<Result[]> {
  const origin = await startOrigin()
  try {
    const gateway = await startLocalGateway({ document: configurationFor(origin.url), port: 0 })
    try {
      return await resultsAt(gateway.url, expectedToFail)
    } finally {
      await gateway.close()
    }
  } finally {
    await origin.close()
  }
}

/** Which languages a site has is for its configuration to say; that of the suite has these. */
function configurationFor(originUrl: string): string {
  const pools = { web: { origins: [{ url: originUrl }] } }
  return JSON.stringify({ pools, routes: [{ path: '/*', pools: ['web'], cache: { languages: ['de', 'en'] } }] })
}

async function resultsAt(url: string, expectedToFail: ReadonlySet<string>): Promise<Result[]> {
  const groups = [...commonGroups, surrogateControl]
  // The suite's own client: the fetch of Node would not send all of its requests as they are written.
  const fetch: unknown = createRequire(packageFile)('node-fetch')
  await runTests(groups, fetch, false, url)
  const all = groups.flatMap(({ name: group, tests }) =>
    tests.filter((test) => test.browser_only !== true).map((test) => ({ group, test })),
  )
  const isLate = ({ id, kind }: Test) => kind !== 'check' && testResults[id] !== true && !expectedToFail.has(id)
  const again = all.map(({ test }) => test).filter(isLate)
  // It takes one result of each.
  for (const { id } of again) delete testResults[id]
  await Promise.all(again.map(makeCacheTest))
  const outcomes = getResults()
  return all.map(({ group, test: { id, name, kind = 'required' } }) => {
    return { group, id, name, kind, failure: failureOf(outcomes[id]) }
  })
}

function failureOf(outcome: true | readonly string[] | undefined): string | undefined {
  return outcome === true ? undefined : (outcome?.join(': ') ?? 'not run')
}

interface Origin {
  readonly url: string
  close(): Promise<void>
}

const endWithParent = 'process.once("disconnect", () => process.exit())'

async function startOrigin(): Promise<Origin> {
  const child = fork(requireHere.resolve('http-cache-tests/server/server.mjs'), {
    // It serves the files of the folder that it runs in.
    cwd: dirname(packageFile),
    env: { ...process.env, npm_config_protocol: 'http', npm_config_port: '0', npm_config_pidfile: devNull },
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(endWithParent)}`],
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  })
  const ended = once(child, 'exit')
  const close = async () => {
    child.kill()
    await ended
  }
  try {
    return { url: `http://127.0.0.1:${await portOf(child)}`, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Reads on to the end, so that whatever else the server says cannot hold it up. */
function portOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! })
      .on('line', (line) => {
        const port = /^Listening on .*:(\d+)\/$/.exec(line)?.[1]
        if (port !== undefined) resolve(port)
      })
      .once('close', () => reject(new Error('The origin server of the suite ended before it listened.')))
  })
}
