import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { formatImageOptions, parseImageOptions } from '../../../shared/image/options.ts'

/** The one spelling, or what is wrong. */
const spelt = (text: string): string => {
  const parsed = parseImageOptions(text)
  return parsed.ok ? formatImageOptions(parsed.value) : `! ${parsed.error}`
}

describe('one spelling', () => {
  test.each([
    ['width=320', 'width=320'],
    ['w=320,h=240', 'width=320,height=240'],
    ['h=240,w=320', 'width=320,height=240'],
    ['width=0320', 'width=320'],
    ['width=160,dpr=2', 'width=320'],
    ['height=100,dpr=1.5', 'height=150'],
    ['width=320,dpr=1', 'width=320'],
    ['width=320,fit=scale-down', 'width=320'],
    ['f=webp,q=80,w=10', 'width=10,quality=80,format=webp'],
    ['format=auto', 'format=auto'],
    ['width=9,height=9,fit=cover,g=left', 'width=9,height=9,fit=cover,gravity=left'],
    ['width=9,height=9,fit=cover,g=center', 'width=9,height=9,fit=cover'],
    ['width=9,height=9,fit=cover,g=0.50x0.5', 'width=9,height=9,fit=cover'],
    ['width=9,height=9,fit=crop,g=0.10x1', 'width=9,height=9,fit=crop,gravity=0.1x1'],
    ['width=9,height=9,g=auto', 'width=9,height=9'],
    ['rotate=90', 'rotate=90'],
    ['width=9,rotate=0,sharpen=0', 'width=9'],
    ['sharpen=1.50,blur=20', 'sharpen=1.5,blur=20'],
    ['width=9,background=%23F80', 'width=9,background=%23ff8800'],
    ['width=9,background=ff880080', 'width=9,background=%23ff880080'],
    ['width=9,background=WHITE', 'width=9,background=%23ffffff'],
    ['width=9,background=transparent', 'width=9,background=%2300000000'],
    ['width=9,background=rgb(255%2C136%2C0)', 'width=9,background=%23ff8800'],
    ['width=9,background=rgba(255%2C136%2C0%2C0.5)', 'width=9,background=%23ff880080'],
    ['width=9,background=%23ff8800ff', 'width=9,background=%23ff8800'],
  ])('%s', (text, expected) => expect(spelt(text)).toBe(expected))

  it('means itself', () => {
    const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })
    const options = fc.record({
      width: some(fc.integer({ min: 1, max: 3000 })),
      height: some(fc.integer({ min: 1, max: 3000 })),
      fit: some(fc.constantFrom('scale-down', 'contain', 'cover', 'crop', 'pad')),
      gravity: some(fc.constantFrom('left', 'auto', 'center', '0.3x0.7', '1x0')),
      quality: some(fc.integer({ min: 1, max: 100 })),
      format: some(fc.constantFrom('auto', 'webp', 'avif', 'jpeg', 'png')),
      dpr: some(fc.constantFrom(1, 1.5, 2, 4)),
      sharpen: some(fc.constantFrom(0, 0.5, 10)),
      blur: some(fc.integer({ min: 1, max: 250 })),
      rotate: some(fc.constantFrom(0, 90, 180, 270)),
      background: some(fc.constantFrom('red', '#123', '#12345678', 'rgb(1,2,3)')),
    })
    const property = fc.property(options, fc.integer(), (given, turn) => {
      const parts = Object.entries(given)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${encodeURIComponent(value!)}`)
      const turned = [...parts.slice(turn % 3), ...parts.slice(0, turn % 3)].join(',')
      const one = spelt(parts.join(','))
      if (one.startsWith('!')) return
      expect(spelt(one)).toBe(one)
      if (turn >= 0 && parts.length > 3) expect(spelt(turned)).toBe(one)
    })
    fc.assert(property)
  })
})

describe('what is wrong, and what to write', () => {
  const names = 'width, height, fit, gravity, quality, format, dpr, sharpen, blur, rotate, background'

  test.each([
    ['', 'An option is empty: write options as "width=320,fit=cover", with single commas between them.'],
    [
      'width=1,,height=2',
      'An option is empty: write options as "width=320,fit=cover", with single commas between them.',
    ],
    ['large', '"large" is no option: write options as "width=320,fit=cover".'],
    ['widht=3', 'There is no option "widht": did you mean "width"?'],
    ['trim=3', `There is no option "trim": the options are ${names}.`],
    ['constructor=3', `There is no option "constructor": the options are ${names}.`],
    ['w=1,width=1', 'The option "width" stands there twice: write it once.'],
    ['width=0', 'width must be a whole number from 1 to 12000; got 0.'],
    ['width=auto', 'width must be a whole number from 1 to 12000; got "auto".'],
    ['width=-5', 'width must be a whole number from 1 to 12000; got "-5".'],
    ['width=1e3', 'width must be a whole number from 1 to 12000; got "1e3".'],
    ['width=10.5', 'width must be a whole number from 1 to 12000; got 10.5.'],
    [
      'width=9999,dpr=2',
      'The options make it larger than 12000 pixels: "width" and "height" times "dpr" must be less.',
    ],
    ['dpr=2', 'The options ask for nothing: name a width, a height or a format at least.'],
    ['width=1,fit=squeeze', 'fit must be one of scale-down, contain, cover, crop, pad; got "squeeze".'],
    ['format=gif', 'format must be one of auto, webp, avif, jpeg, png; got "gif".'],
    ['quality=101', 'quality must be a whole number from 1 to 100; got 101.'],
    ['dpr=9', 'dpr must be a number from 1 to 4; got 9.'],
    ['sharpen=11', 'sharpen must be a number from 0 to 10; got 11.'],
    ['blur=251', 'blur must be a whole number from 1 to 250; got 251.'],
    ['rotate=45', 'rotate must be 0, 90, 180 or 270; got 45.'],
    [
      'gravity=face',
      'gravity must be left, right, top, bottom, center, auto, or a point such as 0.5x0.2 (of the width and of the height); got "face".',
    ],
    [
      'gravity=1.1x0',
      'gravity must be left, right, top, bottom, center, auto, or a point such as 0.5x0.2 (of the width and of the height); got "1.1x0".',
    ],
    [
      'background=%23ff',
      'background must be a colour such as "#ff8800", "#ff880080", "white" or "rgb(255,136,0)" (in a URL: %23ff8800); got "#ff".',
    ],
    [
      'background=rgb(256%2C0%2C0)',
      'background must be a colour such as "#ff8800", "#ff880080", "white" or "rgb(255,136,0)" (in a URL: %23ff8800); got "rgb(256,0,0)".',
    ],
    ['background=%zz', 'The option "background" is not well percent-encoded: got "%zz".'],
  ])('%j', (text, problem) => expect(spelt(text)).toBe(`! ${problem}`))

  it('takes any text', () => {
    const part = fc
      .tuple(fc.constantFrom('width', 'fit', 'background', 'g', '__proto__', ''), fc.string())
      .map((pair) => pair.join('='))
    fc.assert(fc.property(fc.array(fc.oneof(part, fc.string())), (parts) => void spelt(parts.join(','))))
  })
})
