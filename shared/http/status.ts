// What a status says about the message that carries it.

/** Whether a response with this status has no content, whatever its fields say (RFC 9110 §6.4.1, §15.3.6). */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
