// The least that a proxy can do: the client's request to the origin, the origin's response to the client.
export * from './bound.ts'

export default {
  fetch(request, { ORIGIN }) {
    const { pathname, search } = new URL(request.url)
    return fetch(`${ORIGIN}${pathname}${search}`, request)
  },
} satisfies ExportedHandler<{ ORIGIN: string }>
