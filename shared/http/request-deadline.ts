// X-Request-Deadline: until when an answer is of use, in milliseconds since the epoch. No standard has such a field;
// an instant says more than a duration, since it stays true however long a message was on its way.

export const requestDeadline = 'x-request-deadline'

/** The instant that a client has given, in milliseconds since the epoch; undefined where it is none. */
export function parseDeadline(field: string | null): number | undefined {
  return field !== null && /^\d{1,15}$/.test(field) ? Number(field) : undefined
}
