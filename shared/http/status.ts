// What a status says about the message that carries it.

/** Whether a response with this status has no content, whatever its fields say (RFC 9110 §6.4.1, §15.3.6). */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}

const understood = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
  411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511,
])

/** Whether this cache knows what the status asks of caches (RFC 9111 §5.2.2.3: must-understand). */
export function isUnderstood(status: number): boolean {
  return understood.has(status)
}
