// Weir without an Images binding.
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

export default {
  ...weir,
  fetch(...[request, { IMAGES: _, ...env }, context]: Fetch) {
    return weir.fetch(request, env, context)
  },
}
