// A configuration as a command is given it: a file of JSONC, checked as a whole before anything begins.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ParsedConfig, parseConfig } from '../../shared/config/parse.ts'
import { fail } from './terminal.ts'

/** Where the user stands: npm runs this in the project's folder, and says where it was called. */
export function here(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path)
}

/** Prints what is probably not meant; ends the program with every error where there are any. */
export function readConfigurationFile(file: string): ParsedConfig {
  let text: string
  try {
    text = readFileSync(here(file), 'utf8')
  } catch (error) {
    return fail(new Error(`Cannot read the configuration ${file}: ${error instanceof Error ? error.message : error}`))
  }
  const parsed = parseConfig(text)
  if (!parsed.ok)
    return fail(new Error([`${file} is not a valid configuration:`, ...parsed.error.map(line)].join('\n')))
  for (const warning of parsed.value.warnings) console.error(`Warning${line(warning)}`)
  return parsed.value
}

function line({ path, message }: { path: string; message: string }): string {
  return `  ${path}: ${message}`
}
