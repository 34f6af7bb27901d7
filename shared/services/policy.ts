// Who may call which service: what the configuration says of a caller, and where it says nothing, what the services were
// built to call. And who may call out. All else may not.

export interface PolicyRow {
  /** A service, or `pool:NAME`. */
  readonly from: string
  readonly to: readonly string[]
}

/** `own` is for callers that the table does not name. */
export function mayCall(
  table: readonly PolicyRow[],
  own: Readonly<Record<string, readonly string[]>>,
  from: string,
  to: string,
): boolean {
  const row = table.find((each) => each.from === from)
  const callees = row?.to ?? (Object.hasOwn(own, from) ? own[from] : undefined)
  return callees?.includes(to) ?? false
}

/** `from` names the services that may; whoever shows a credential has been let in. */
export const mayCallOut = (from: readonly string[], caller: string): boolean =>
  caller === 'admin' || caller.startsWith('pool:') || from.includes(caller)
