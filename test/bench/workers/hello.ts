// A Worker that only answers: the floor under every other number.
export * from './bound.ts'

export default {
  fetch: () => new Response('hello'),
} satisfies ExportedHandler
