// The body of a request as JSON, for the APIs that take an object.
import type { Context } from 'hono'
import { err, ok, type Result } from '../../shared/result.ts'
import type { Problem } from '../problem.ts'

/**
 * What the body says. `example` tells whose body is no JSON what to send; where `whenEmpty` is given, no body means that.
 * Its size is for whoever has the route to bound.
 */
export async function jsonBody(
  { req }: Pick<Context, 'req'>,
  example: string,
  whenEmpty?: object,
): Promise<Result<unknown, Problem>> {
  const text = await req.text()
  if (text === '' && whenEmpty !== undefined) return ok(whenEmpty)
  try {
    return ok(JSON.parse(text))
  } catch {
    const detail = `The body is no JSON. Send an object such as ${example}. Nothing was changed.`
    return err({ status: 400, reason: 'not-json', detail })
  }
}
