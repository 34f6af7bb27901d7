// Weir whose pools have lost their objects: every call to one throws, or is never answered where its pool is `hanging`.
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

const lost = (name: string) => {
  const call = async () => {
    if (name === 'hanging') await new Promise(() => undefined)
    throw new Error('lost, for a test')
  }
  return { share: call, arm: call, probe: call }
}

export default {
  ...weir,
  fetch: (request: Fetch[0], env: Fetch[1], context: Fetch[2]) =>
    weir.fetch(request, { ...env, MONITORS: { getByName: lost } as unknown as typeof env.MONITORS }, context),
}
