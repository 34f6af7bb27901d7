// Weir with an eye on its media: how many pictures it has made, how often it has looked what there
// is (`/_test/heads`), and which objects it keeps. `/_test/fail` names what of
// the bucket or the database throws from now on; while `/_test/hold?is=true` no picture is given that was made. Jobs are thrown away until `/_test/work` is asked for.
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

let made = 0
let heads = 0
let isHeld = false
let failing: string | null = null
let works = false

/** A binding that throws where it is told to. */
function failable<T extends object>(binding: T): T {
  return new Proxy(binding, {
    get(target, name) {
      if (name === 'head') heads++
      if (name === failing) return () => Promise.reject(new Error('It is away, for a test.'))
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** What is made is given when nothing is held any more. */
function heldBack(picture: ImageTransformer): ImageTransformer {
  return {
    transform: (wanted) => heldBack(picture.transform(wanted)),
    draw: (...given) => heldBack(picture.draw(...given)),
    async output(wanted) {
      while (isHeld) await new Promise((resolve) => setTimeout(resolve, 5))
      return picture.output(wanted)
    },
  }
}

function watched(env: Fetch[1]): Fetch[1] {
  const input: ImagesBinding['input'] = (...given) => {
    made++
    return heldBack(env.IMAGES!.input(...given))
  }
  const IMAGES = new Proxy(env.IMAGES!, {
    get: (target, name) => (name === 'input' ? input : Reflect.get(target, name)),
  })
  return { ...env, IMAGES, MEDIA: failable(env.MEDIA), DB: failable(env.DB) }
}

export default {
  ...weir,
  queue(...[batch, env, context]: Parameters<typeof weir.queue>) {
    if (works) return weir.queue(batch, watched(env), context)
    batch.ackAll()
    return undefined
  },
  async fetch(...[request, env, context]: Fetch) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/_test/made':
        return Response.json(made)
      case '/_test/heads':
        return Response.json(heads)
      case '/_test/objects': {
        const { objects } = await env.MEDIA.list()
        return Response.json(objects.map(({ key }) => key))
      }
      case '/_test/fail':
        failing = searchParams.get('what')
        return new Response()
      case '/_test/hold':
        isHeld = searchParams.get('is') === 'true'
        return new Response()
      case '/_test/work':
        works = true
        return new Response()
      default:
        return weir.fetch(request, watched(env), context)
    }
  },
}
