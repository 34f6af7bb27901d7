// HTTP dates (RFC 9110 §5.6.7): the one form that may be sent, and the two obsolete ones that must be read, in any case
// of their letters (RFC 9111 §4.2). Anything else, among it what Date.parse would let pass, is no date.

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const imf = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/i
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/i
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

/**
 * The instant of an HTTP-date in milliseconds since the epoch, or undefined where it is none.
 * `now` (ms) settles the century of an RFC 850 date: more than fifty years ahead means the last century.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  let match = imf.exec(text)
  if (match !== null) return instant(match[3]!, match[2]!, match[1]!, match[4]!, match[5]!, match[6]!)
  match = asctime.exec(text)
  if (match !== null) return instant(match[6]!, match[1]!, match[2]!, match[3]!, match[4]!, match[5]!)
  match = rfc850.exec(text)
  if (match === null) return undefined
  const [, day, month, twoDigits, hour, minute, second] = match
  const ahead = new Date(now)
  const thisYear = ahead.getUTCFullYear()
  const year = thisYear - (thisYear % 100) + Number(twoDigits)
  const read = (inYear: number) => instant(String(inYear), month!, day!, hour!, minute!, second!)
  const inThisCentury = read(year)
  const isTooFar = inThisCentury !== undefined && inThisCentury > ahead.setUTCFullYear(thisYear + 50)
  return isTooFar ? read(year - 100) : inThisCentury
}

function instant(year: string, month: string, day: string, hour: string, minute: string, second: string) {
  const monthIndex = months.indexOf(month.toLowerCase())
  // A leap second (60) is read as the next second.
  if (monthIndex < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  // Unlike Date.UTC this does not take the year 50 for 1950.
  const date = new Date(0)
  const midnight = date.setUTCFullYear(Number(year), monthIndex, Number(day))
  // 31 February has rolled over into March.
  if (date.getUTCDate() !== Number(day)) return undefined
  return midnight + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000
}
