// `npm run sign-image -- PATH [--seconds N] [--key ID:SECRET]`: the URL of a picture, signed. It asks nobody; without --key
// it takes the first key of the environment's IMAGE_KEYS.
import { parseArgs } from 'node:util'
import { canonicalTarget } from '../../shared/http/target.ts'
import { parseImageKeys, toBeSigned, withSignature } from '../../shared/image/signature.ts'
import { imageMac } from '../media/image-signature.ts'
import { commandLine } from './terminal.ts'

const usage = `Usage: npm run sign-image -- PATH [--seconds N] [--key ID:SECRET]
       PATH is as in /_weir/image/width=320,format=auto/photos/a.jpg`

const { path, key, expires } = commandLine(usage, readOptions)
const signed = toBeSigned(path, key.id, expires)
console.log(withSignature(signed, await imageMac(key.secret, signed)))

function readOptions() {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ options: { seconds: text, key: text }, allowPositionals: true })
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new Error('Name one path.')
  // The gateway checks its canonical form.
  const target = canonicalTarget(`http://weir.invalid${path}`)
  if (!path.startsWith('/_weir/image/') || !target.ok) throw new Error('The path must start with /_weir/image/.')
  const [key] = parseImageKeys(values.key ?? process.env.IMAGE_KEYS)
  if (key === undefined) {
    throw new Error('There is no key: give --key ID:SECRET, or set IMAGE_KEYS; a secret has 16 characters or more.')
  }
  const { seconds } = values
  if (seconds !== undefined && !/^[1-9]\d{0,8}$/.test(seconds)) {
    throw new Error(`--seconds takes a whole number of up to nine digits, not ${seconds}.`)
  }
  const expires = seconds === undefined ? undefined : Math.floor(Date.now() / 1000) + Number(seconds)
  return { path: `${target.value.path}${target.value.query}`, key, expires }
}
