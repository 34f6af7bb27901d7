// `npm start`: three real origins, the gateway in front of them, and lines to try.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Origins, startOrigins } from './demo/origins.ts'
import { drawPhotograph, seedShop } from './demo/seed.ts'
import { apiRoutes, pageRoutes, shopConfiguration, shopPools } from './demo/shop-configuration.ts'
import type { LocalGateway } from './local-gateway.ts'
import { commandLine, fail, untilStopped } from './terminal.ts'

commandLine('Usage: npm start', () => parseArgs({ options: {} }))

const adminToken = randomBytes(6).toString('hex')
/** What the origins show to the gateway; the configuration has its digest alone. */
const credential = randomBytes(24).toString('base64url')

// What runs the gateway takes a while to load: the origins start meanwhile, and terminal.ts has noted its parent.
const starting = startOrigins(['a', 'b', 'c']).catch(fail)
const { startLocalGateway } = await import('./local-gateway.ts')
const photograph = drawPhotograph({ width: 720, height: 480 })
const origins = await starting
const document = JSON.stringify(demoConfiguration(origins))
const onLog = (line: string) => console.error(line)
const gateway = await startLocalGateway({ document, adminToken, prepare: seedShop, onLog }).catch(async (error) => {
  await origins.close()
  return fail(error)
})
origins.introduce({ url: gateway.url, credential })
/** For a photograph, and for what curl keeps of a visitor. Made now: who stops the start leaves none behind. */
const folder = mkdtempSync(join(tmpdir(), 'weir-demo-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'photo.png'), photograph)
console.log(welcome(gateway, origins))
await untilStopped()
await Promise.all([gateway.close(), origins.close()])
process.exit(0)

/** The API of the shop is its services' own; its pages, and the cart, come from the three origins in front of them. */
function demoConfiguration({ origins }: Origins) {
  const web = {
    origins: origins.map(({ id, url }) => ({ id, url })),
    policy: 'round-robin',
    // Its visitors kill origins and revive them at once: none is ejected, so that each takes its turns again.
    ejection: { maxPercent: 0 },
    credentials: [`sha256:${createHash('sha256').update(credential).digest('hex')}`],
  }
  // An item that is in a cart twice, because its origin died with the answer, is seen there; an error is worse.
  const cart = { pools: ['web'], retryMethods: ['GET', 'HEAD', 'PUT', 'POST'] }
  const thumbnail = { type: 'thumbnail', payload: { path: '{response.picture}', preset: 'card' } }
  const own: Record<string, object> = {
    '/cart*': cart,
    '/api/cart*': cart,
    '/api/items*': { enqueue: [{ on: 'POST', status: '201', job: thumbnail }] },
  }
  const { pages: _, ...services } = shopPools
  return {
    ...shopConfiguration,
    pools: { web, ...services },
    routes: [...apiRoutes, ...pageRoutes(['web'])].map((route) =>
      'id' in route && route.id === 'items' ? route : { ...route, ...own[route.path] },
    ),
    services: { policy: [{ from: 'pool:web', to: ['pages', 'checkout'] }] },
  }
}

function welcome({ url }: LocalGateway, { origins, controlUrl }: Origins): string {
  const token = `-H 'Authorization: Bearer ${adminToken}'`
  const file = (name: string) => join(folder, name)
  const each = `curl -s -X POST ${controlUrl}/kill/$o; curl -sib ${file('cookies')} ${url}/api/cart | grep -i 'x-origin\\|lines'; echo; curl -s -X POST ${controlUrl}/revive/$o`
  const cart = `curl -sc ${file('cookies')} -d more=1 ${url}/cart/items/moon-6-print; for o in a b c; do ${each}; done`
  const [seller, photo] = [file('seller'), file('photo.png')]
  const who = "-d name=Ada -d email=ada@example.com -d 'password=a long password'"
  const register = `curl -sc ${seller} ${who} ${url}/account/register`
  const what = '-F title=Ripples -F kind=print -F place=Here -F description=Mine -F price=18.50 -F stock=1'
  const list = `curl -sib ${seller} ${what} -F photograph=@${photo} ${url}/sell`
  return `
Gateway  ${url}   (open it in a browser)
Origins  ${origins.map((origin) => `${origin.id} ${origin.url}`).join('   ')}
Control  ${controlUrl}   kills and revives origins
Admin    ${url}/_weir/api   token ${adminToken}

Try, in another terminal:

1. The first answer comes from an origin (fwd=uri-miss), the second from the cache (hit).
   curl -si ${url}/items/dawn-1-print ${url}/items/dawn-1-print | grep -i cache-status

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

7. Register, and list an item with a photograph: the answer (303) comes at once, with the path of the item.
   ${register}; ${list}

8. The gateway has enqueued its thumbnail, which is done within seconds. The front page shows it, since the catalog has purged that.
   curl -s ${token} '${url}/_weir/api/jobs?type=thumbnail'

Ctrl-C ends everything.`
}
