// How one service asks another: by the policy, which says who may, and never by an import.

/** `payment` stands behind no route. */
export type Service = 'account' | 'catalog' | 'checkout' | 'order' | 'pages' | 'payment' | 'search'

/** What nobody but a service may ask for lies below this. */
export const internalPrefix = '/internal/'

/** Of one service, which cannot give itself for another. Answers as the called one does; 403 where it may not be called. */
export type Calls = (to: Service, request: Request) => Promise<Response>

/** Sends the request to a place outside, in the name of the service; 403 where the configuration does not list the place. */
export type CallsOut = (request: Request) => Promise<Response>

/** What each was built to call; "services.policy" of the configuration may say otherwise. */
export const policy: Readonly<Record<Service, readonly Service[]>> = {
  account: [],
  catalog: ['search'],
  checkout: ['catalog', 'payment', 'order'],
  order: [],
  pages: ['account', 'catalog', 'checkout', 'order', 'search'],
  payment: [],
  search: [],
}
