// `npm start`: three real origins, the gateway in front of them, and lines to try.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { items } from './demo/items.ts'
import { type Origins, startOrigins } from './demo/origins.ts'
import { drawView } from './demo/png.ts'
import type { LocalGateway } from './local-gateway.ts'
import { fail, untilStopped } from './terminal.ts'

const adminToken = randomBytes(6).toString('hex')
/** What the origins show to the gateway; the configuration has its digest alone. */
const credential = randomBytes(24).toString('base64url')
/** For a photograph, and for what curl keeps of a visitor. */
const folder = mkdtempSync(join(tmpdir(), 'weir-demo-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

// What runs the gateway takes a while to load: the origins start meanwhile, and terminal.ts has noted its parent.
const [{ startLocalGateway }, origins] = await Promise.all([
  import('./local-gateway.ts'),
  startOrigins(['a', 'b', 'c']).catch(fail),
])
const document = JSON.stringify(demoConfiguration(origins))
const gateway = await startLocalGateway({ document, adminToken, onLog: (line) => console.error(line) }).catch(
  async (error) => {
    await origins.close()
    return fail(error)
  },
)
origins.introduce({ url: gateway.url, credential })
writeFileSync(join(folder, 'photo.png'), drawView(items[0]!.view, { width: 720, height: 480 }))
console.log(welcome(gateway, origins))
await untilStopped()
await Promise.all([gateway.close(), origins.close()])
process.exit(0)

function demoConfiguration({ origins }: Origins) {
  // What a POST changes there is in its answer, for the gateway to write: one that died with its origin has changed
  // nothing, and another origin may be asked.
  const visitorsOwn = { pools: ['shop'], session: true, cache: { mode: 'off' }, retryMethods: ['GET', 'HEAD', 'POST'] }
  return {
    // Its visitors kill origins and revive them at once: none is ejected, so that each takes its turns again.
    pools: {
      shop: {
        origins: origins.map(({ id, url }) => ({ id, url })),
        policy: 'round-robin',
        ejection: { maxPercent: 0 },
        credentials: [`sha256:${createHash('sha256').update(credential).digest('hex')}`],
      },
    },
    routes: [
      ...['/me', '/login', '/cart*'].map((path) => ({ path, ...visitorsOwn })),
      { path: '/items.json', pools: ['shop'], enqueue: [thumbnailOf('201', '{response.image}')] },
      { path: '/sell', pools: ['shop'], enqueue: [thumbnailOf('303', '/_weir/media{answer.location}')] },
      { id: 'shop', path: '/*', pools: ['shop'], cache: { mode: 'respect' } },
    ],
    media: { thumbnails: { card: { width: 320, height: 240, fit: 'cover', format: 'webp' } } },
    state: { namespaces: { shop: { pools: ['shop'] } } },
  }
}

/** The job that follows from an answer of this status. */
function thumbnailOf(status: string, path: string) {
  return { on: 'POST', status, job: { type: 'thumbnail', payload: { path, preset: 'card' } } }
}

function welcome({ url }: LocalGateway, { origins, controlUrl }: Origins): string {
  const token = `-H 'Authorization: Bearer ${adminToken}'`
  const file = (name: string) => join(folder, name)
  const each = `curl -s -X POST ${controlUrl}/kill/$o; curl -sb ${file('cookies')} ${url}/cart.json; curl -s -X POST ${controlUrl}/revive/$o`
  const cart = `curl -sc ${file('cookies')} -d item=moon ${url}/cart; for o in a b c; do ${each}; done`
  return `
Gateway  ${url}   (open it in a browser)
Origins  ${origins.map((origin) => `${origin.id} ${origin.url}`).join('   ')}
Control  ${controlUrl}   kills and revives origins
Admin    ${url}/_weir/api   token ${adminToken}

Try, in another terminal:

1. The first answer comes from an origin (fwd=uri-miss), the second from the cache (hit).
   curl -si ${url}/items/moon ${url}/items/moon | grep -i cache-status

2. Kill an origin: the page comes all the same, from another one.
   curl -s -X POST ${controlUrl}/kill/b; for i in 1 2 3 4 5 6; do curl -s ${url}/now; done

3. Revive it: it takes its turns again.
   curl -s -X POST ${controlUrl}/revive/b; for i in 1 2 3 4 5 6; do curl -s ${url}/now; done

4. Replace the configuration: it is in force at once, and as a whole.
   curl -s ${token} ${url}/_weir/api/config | sed 's/round-robin/random/' | curl -s ${token} -X PUT --data-binary @- ${url}/_weir/api/config

5. Ten seconds of load with an origin killed halfway: 0 failed.
   npm run -s load -- --url ${url}/now --rate 200 --seconds 10 --kill ${controlUrl} --origin b

6. Put a print in your cart, and kill one origin after the other: no cart is lost.
   ${cart}

7. List an item with a photograph: the answer (201) comes at once, with the paths of what is yet to be made.
   curl -si -F name='Weir at dawn' -F price=18.50 -F photo=@${file('photo.png')} ${url}/items.json

8. The gateway has enqueued its thumbnail, and made it by now. The front page shows it when its copy is 30 s old.
   curl -s ${token} '${url}/_weir/api/jobs?type=thumbnail'

Ctrl-C ends everything.`
}
