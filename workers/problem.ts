// Everything that the gateway says in its own name when it says no: problem+json (RFC 9457), with a reason that a
// program can read and a sentence that a person can act on. Names no origin.

export interface Problem {
  readonly status: number
  /** A stable word for programs, such as `no-route`. */
  readonly reason: string
  /** A sentence: what happened and what to do. */
  readonly detail: string
  /** Further members of the problem document. */
  readonly more?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Ends what is under way with a problem: what the one who has asked may be told. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
}

export function problemResponse(problem: Problem): Response {
  const { status, reason, detail, more, headers } = problem
  const document = { type: `urn:weir:problem:${reason}`, title: titles[status], status, reason, detail, ...more }
  return new Response(`${JSON.stringify(document, undefined, 2)}\n`, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  })
}

export const noConfiguration: Problem = {
  status: 503,
  reason: 'no-configuration',
  detail: 'This gateway has no configuration yet, or cannot read it: PUT one to /_weir/api/config.',
  headers: { 'retry-after': '5' },
}
