// Weir with a clock that can be put forward (`/_clock?ms=`), and sessions whose objects fail as they are told
// (`/_objects?fail=`): they throw, or hang for as long as it lasts. `/_objects?calls` tells how often they were called.
import type { SessionObject } from '../../../workers/env.ts'
import { Session as WeirSession } from '../../../workers/index.ts'
import places from './places.ts'

export * from './places.ts'

type Fetch = Parameters<typeof places.fetch>

const realNow = Date.now
let aheadMs = 0
Date.now = () => realNow() + aheadMs

let fail: string | null = null
let calls = 0

/** Before each call: it hangs, throws, or goes on. */
async function trouble(method: string): Promise<void> {
  calls++
  if (fail === `${method}-throws`) throw new Error('The object was lost, for a test.')
  if (fail === `${method}-hangs`) await new Promise(() => undefined)
}

export class Session extends WeirSession {
  override async read(...given: Parameters<SessionObject['read']>) {
    await trouble('read')
    return super.read(...given)
  }

  override async create(...given: Parameters<SessionObject['create']>) {
    await trouble('create')
    return super.create(...given)
  }

  override async write(...given: Parameters<SessionObject['write']>) {
    await trouble('write')
    const outcome = await super.write(...given)
    if (fail !== 'write-lost') return outcome
    fail = ''
    throw new Error('The answer was lost, for a test.')
  }

  override async regenerate(...given: Parameters<SessionObject['regenerate']>) {
    await trouble('regenerate')
    const outcome = await super.regenerate(...given)
    if (fail !== 'regenerate-lost') return outcome
    fail = ''
    throw new Error('The answer was lost, for a test.')
  }

  override async adopt(...given: Parameters<SessionObject['adopt']>) {
    const adopted = await super.adopt(...given)
    if (fail === 'adopt-lost') throw new Error('The answer was lost, for a test.')
    return adopted
  }
}

export default {
  ...places,
  fetch(...[request, env, context]: Fetch) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/_clock') aheadMs += Number(searchParams.get('ms'))
    if (pathname === '/_objects' && searchParams.has('fail')) fail = searchParams.get('fail')
    if (pathname === '/_clock' || pathname === '/_objects') return Response.json({ calls })
    return places.fetch(request, env, context)
  },
}
