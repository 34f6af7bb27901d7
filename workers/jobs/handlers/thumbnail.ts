// Makes one of the thumbnails of an original: the origin of the media is asked for it as a flight would ask, and makes it
// where there is none yet. Nobody reads it here.
import type { PayloadOf } from '../../../shared/jobs/envelope.ts'
import { mediaTarget, writtenMediaPath } from '../../../shared/media-path.ts'
import type { Handler } from '../handler.ts'

/** What it is kept under does not know of hosts. */
const nowhere = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'weir.invalid' }

export const makeThumbnail: Handler<PayloadOf<'thumbnail@1'>> = async ({ payload }, { ports, signal, until }) => {
  const path = writtenMediaPath(payload.path)
  if (!path.ok) return { kind: 'failed', because: path.error }
  const { attempt, abandon } = ports.origins.send({
    url: `weir:media${mediaTarget(path.value, payload.preset)}`,
    method: 'HEAD',
    fields: new Headers(nowhere),
    body: null,
    headersMs: Math.max(1, until - ports.now()),
  })
  signal.addEventListener('abort', abandon)
  const ended = await attempt
  if (ended.kind === 'failed')
    return { kind: 'again', because: 'The store of the media, or the maker of images, failed.' }
  const { status, headers } = ended.response
  switch (status) {
    case 200:
      return {
        kind: 'done',
        result: { type: headers.get('content-type'), bytes: Number(headers.get('content-length')) },
      }
    case 404:
      return { kind: 'done', result: { skipped: 'The original or the preset is not there any more.' } }
    case 422:
      return { kind: 'failed', because: 'No thumbnail can be made of this original.' }
    default:
      return { kind: 'again', because: `The media answered ${status}.` }
  }
}
