// Weir with an eye on the pictures that it makes: `/_test/made` tells how many it has been asked to make, and
// `/_test/mood` makes the binding fail or hang from now on.
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

let made = 0
let mood: string | null = null

function watched(env: Fetch[1]): Fetch[1] {
  const input: ImagesBinding['input'] = (...given) => {
    made++
    if (mood === 'fail') throw new Error('The Images binding is away, for a test.')
    return env.IMAGES!.input(...given)
  }
  const IMAGES = new Proxy(env.IMAGES!, {
    get: (target, name) => (name === 'input' ? input : Reflect.get(target, name)),
  })
  return { ...env, IMAGES }
}

export default {
  ...weir,
  fetch(...[request, env, context]: Fetch) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/_test/made') return Response.json(made)
    if (pathname === '/_test/mood') {
      mood = searchParams.get('mood')
      return new Response()
    }
    return weir.fetch(request, watched(env), context)
  },
}
