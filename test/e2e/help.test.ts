// Every command tells how it is used where somebody asks, and does nothing else: no deploy, no load, no server.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { projectFolder, runProgram } from './support/program.ts'

const { scripts } = JSON.parse(readFileSync(`${projectFolder}/package.json`, 'utf8')) as {
  scripts: Record<string, string>
}
const commands = Object.entries(scripts).flatMap(([name, script]) => {
  const [, file] = /^exec node (workers\/cli\/.*)$/.exec(script) ?? []
  return file === undefined ? [] : [[name, file] as const]
})

describe.concurrent('--help', () => {
  test.each(commands)('npm run %s: the usage on standard output, and exit code 0', async (name, file) => {
    const { code, stdout, stderr } = await runProgram(process.execPath, [file, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^Usage: npm (run (-s )?)?${name}\\b`))
  })
})

test('an option that the demo does not have is told, and nothing starts', async () => {
  const { code, stdout, stderr } = await runProgram(process.execPath, ['workers/cli/demo.ts', '--port', '1'])
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: "Unknown option '--port'\nUsage: npm start\n",
  })
})
