// `npm start`, as far as its words tell.
import { type Program, startProgram } from './program.ts'

export interface Demo extends Program {
  readonly url: string
  readonly origins: readonly string[]
  readonly control: string
  readonly token: string
  /** The command lines to try, in order. */
  readonly lines: readonly string[]
}

/** Resolves when it has said everything. */
export async function startDemo(): Promise<Demo> {
  const program = startProgram('npm', ['-s', 'start'])
  try {
    await program.printed(/^Ctrl-C ends everything\.$/m)
  } catch (error) {
    await program.kill()
    throw error
  }
  const said = (pattern: RegExp) => pattern.exec(program.stdout)?.[1] ?? ''
  return Object.assign(program, {
    url: said(/^Gateway {2}(\S+)/m),
    origins: said(/^Origins {2}(.*)$/m).match(/http:\S+/g) ?? [],
    control: said(/^Control {2}(\S+)/m),
    token: said(/^Admin .* token (\S+)$/m),
    lines: program.stdout.match(/(?<=^ {3})(?:curl|npm) .*$/gm) ?? [],
  })
}
