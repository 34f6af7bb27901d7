import { describe, expect, test } from 'vitest'
import { checkHookUrl } from '../../../shared/jobs/hook-url.ts'

const secure = 'must start with "https://"'
const elsewhere = 'must be on the public internet, and its host is not'
const noUrl = 'must be a URL such as "https://hooks.example.com/weir"'

describe('in production', () => {
  test.each([
    ['https://hooks.example.com/weir?key=1'],
    ['https://hooks.example.com:8443/'],
    ['https://8.8.8.8/'],
    ['https://172.32.0.1/'],
    ['https://100.128.0.1/'],
    ['https://223.255.255.255/'],
    ['https://[2606:4700::1111]/'],
    ['https://[2001:4860:4860::8888]/'],
    ['https://internal.example.com/'],
  ])('%s', (url) => expect(checkHookUrl(url, false)).toBeUndefined())

  test.each([
    ['https://localhost/'],
    ['https://localhost./'],
    ['https://printer/'],
    ['https://db.internal/'],
    ['https://DB.Internal./'],
    ['https://router.home.arpa/'],
    ['https://a.local/'],
    ['https://0.0.0.0/'],
    ['https://10.1.2.3/'],
    ['https://100.64.0.1/'],
    ['https://127.0.0.1/'],
    ['https://127.1/'],
    ['https://2130706433/'],
    ['https://0x7f.0.0.1/'],
    ['https://0177.0.0.1/'],
    ['https://169.254.169.254/latest/meta-data/'],
    ['https://172.16.0.1/'],
    ['https://172.31.255.255/'],
    ['https://192.0.2.1/'],
    ['https://192.168.1.1/'],
    ['https://198.19.0.1/'],
    ['https://224.0.0.1/'],
    ['https://255.255.255.255/'],
    ['https://[::]/'],
    ['https://[::1]/'],
    ['https://[::ffff:10.0.0.1]/'],
    ['https://[::ffff:8.8.8.8]/'],
    ['https://[64:ff9b::a00:1]/'],
    ['https://[2001:0:a00:1::]/'],
    ['https://[2001:db8::1]/'],
    ['https://[2002:a00:1::]/'],
    ['https://[3fff:1::1]/'],
    ['https://[fc00::1]/'],
    ['https://[fd12:3456::1]/'],
    ['https://[fe80::1]/'],
    ['https://[ff02::1]/'],
    // A full-width digit and a full stop of another script.
    ['https://１27.0.0.1/'],
    ['https://127。0。0。1/'],
  ])('%s is not on the public internet', (url) => expect(checkHookUrl(url, false)).toBe(elsewhere))

  test.each([
    ['http://hooks.example.com/', secure],
    ['http://127.0.0.1/', secure],
    ['ftp://hooks.example.com/', noUrl],
    ['file:///etc/passwd', noUrl],
    ['hooks.example.com', noUrl],
    ['', noUrl],
    ['https://ada:secret@hooks.example.com/', 'must have no user name or password: the signature says who sends it'],
  ])('%s: %s', (url, problem) => expect(checkHookUrl(url, false)).toBe(problem))
})

describe('on a laptop', () => {
  test.each([
    ['http://127.0.0.1:9001/hook', undefined],
    ['http://localhost:9001/', undefined],
    ['http://a.localhost/', undefined],
    ['http://[::1]:9001/', undefined],
    ['https://hooks.example.com/', undefined],
    ['http://hooks.example.com/', secure],
    ['https://192.168.1.1/', elsewhere],
    ['http://ada@127.0.0.1/', 'must have no user name or password: the signature says who sends it'],
  ])('%s: %s', (url, problem) => expect(checkHookUrl(url, true)).toBe(problem))
})
