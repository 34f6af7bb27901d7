// `npm start`: three real origins, the gateway in front of them, and lines to try.
import { randomBytes } from 'node:crypto'
import { type Origins, startOrigins } from './demo/origins.ts'
import type { LocalGateway } from './local-gateway.ts'
import { fail, untilStopped } from './terminal.ts'

const adminToken = randomBytes(6).toString('hex')

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
console.log(welcome(gateway, origins))
await untilStopped()
await Promise.all([gateway.close(), origins.close()])
process.exit(0)

function demoConfiguration({ origins }: Origins) {
  return {
    // Its visitors kill origins and revive them at once: none is ejected, so that each takes its turns again.
    pools: {
      shop: {
        origins: origins.map(({ id, url }) => ({ id, url })),
        policy: 'round-robin',
        ejection: { maxPercent: 0 },
      },
    },
    routes: [
      { id: 'personal', path: '/me', pools: ['shop'], cache: { mode: 'off' } },
      { id: 'shop', path: '/*', pools: ['shop'], cache: { mode: 'respect' } },
    ],
  }
}

function welcome({ url }: LocalGateway, { origins, controlUrl }: Origins): string {
  const token = `-H 'Authorization: Bearer ${adminToken}'`
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

Ctrl-C ends everything.`
}
