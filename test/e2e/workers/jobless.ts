// Weir where neither the books of jobs nor their queue can be reached: the ones hang, the other throws.
import worker from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof worker.fetch>

const hanging = () => new Promise<never>(() => undefined)

const throwing = () => {
  throw new Error('away, for a test')
}

export default {
  ...worker,
  fetch(...[request, env, context]: Fetch) {
    const books = { getByName: () => new Proxy({}, { get: () => hanging }) }
    const JOBS = new Proxy(env.JOBS, { get: () => throwing })
    return worker.fetch(request, { ...env, JOB_BOOKS: books as unknown as typeof env.JOB_BOOKS, JOBS }, context)
  },
}
