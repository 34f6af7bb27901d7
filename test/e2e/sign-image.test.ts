// `npm run sign-image`, as its users run it: what it prints is what the gateway checks, and what a shell can make too.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { runProgram } from './support/program.ts'

const secret = 'a-secret-of-the-present'
const run = (args: readonly string[], IMAGE_KEYS = `now:${secret},before:a-secret-of-the-past`) =>
  runProgram('npm', ['run', '-s', 'sign-image', '--', ...args], { env: { IMAGE_KEYS } })

/** The one-liner of shared/image/README.md. */
const byShell = (text: string) =>
  execFileSync(
    'sh',
    [
      '-c',
      `printf %s "$1" | openssl dgst -sha256 -hmac "$2" -binary | base64 | tr +/ -_ | tr -d =`,
      'sh',
      text,
      secret,
    ],
    {
      encoding: 'utf8',
    },
  ).trim()

test('a path, with the first key, for so long', async () => {
  const before = Math.floor(Date.now() / 1000)
  const { code, stdout } = await run(['/_weir/image/width=320,format=auto/photos/%61.jpg?v=2', '--seconds', '60'])
  const [, signed = '', expires, mac] = /^(.*&exp=(\d+)&kid=now)&sig=([\w-]{43})\n$/.exec(stdout) ?? []
  expect(code).toBe(0)
  expect(signed).toBe(`/_weir/image/width=320,format=auto/photos/a.jpg?v=2&exp=${expires}&kid=now`)
  expect(Number(expires) - before - 60).toBeLessThan(30)
  expect(byShell(signed)).toBe(mac)
})

test('for ever, with another key', async () => {
  const { stdout } = await run(['/_weir/image/width=320/a.jpg', '--key', `k:${secret}`])
  const signed = '/_weir/image/width=320/a.jpg?kid=k'
  expect(stdout).toBe(`${signed}&sig=${byShell(signed)}\n`)
})

test('what it says no to', async () => {
  const path = '/_weir/image/width=3/a.jpg'
  const cases: [string[], string, string][] = [
    [[], `a:${secret}`, 'Name one path.'],
    [['/photos/a.jpg'], `a:${secret}`, 'The path must start with /_weir/image/.'],
    [[path], 'a:short', 'There is no key: '],
    [[path, '--seconds', 'x'], `a:${secret}`, '--seconds takes a whole number'],
  ]
  for (const [args, keys, problem] of cases) {
    const { code, stdout, stderr } = await run(args, keys)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(problem)
    expect(stderr).toContain('Usage: npm run sign-image')
  }
})
