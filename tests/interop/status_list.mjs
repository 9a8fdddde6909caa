// Status lists made and read by somebody else's library, and the status of credentials as it sees it.
//
// Reads one JSON object from standard input and prints one:
//   {"make": {statuses, bits, payload, jwk}}: {"jwt"}, a Status List Token
//   {"read": {jwt, jwk}}: {"header", "payload", "statuses"}, once the signature has verified
//   {"lists": [{lst, bits}]}: {"lists": [[...]]}, the statuses of each
//   {"check": {credentials, tokens, jwk}}: for each credential, {"ok": true} or {"error": message}

import { text } from 'node:stream/consumers'
import { createHeaderAndPayload, getListFromStatusListJWT, StatusList } from '@sd-jwt/jwt-status-list'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import * as jose from 'jose'
import { hash } from './callbacks.mjs'

async function make({ statuses, bits, payload, jwk }) {
  const made = createHeaderAndPayload(new StatusList(statuses, bits), payload, { alg: 'ES256', kid: 'issuer' })
  const key = await jose.importJWK(jwk, 'ES256')
  return { jwt: await new jose.SignJWT(made.payload).setProtectedHeader(made.header).sign(key) }
}

async function read({ jwt, jwk }) {
  const key = await jose.importJWK(jwk, 'ES256')
  const { protectedHeader, payload } = await jose.jwtVerify(jwt, key, { typ: 'statuslist+jwt', algorithms: ['ES256'] })
  return { header: protectedHeader, payload, statuses: getListFromStatusListJWT(jwt).statusList }
}

async function check({ credentials, tokens, jwk }) {
  const key = await jose.importJWK(jwk, 'ES256')
  const sdjwt = new SDJwtVcInstance({
    hasher: (data, algorithm) => hash(data, algorithm),
    hashAlg: 'sha-256',
    statusListFetcher: async (uri) => tokens[uri],
    verifier: async (data, signature) => {
      await jose.compactVerify(`${data}.${signature}`, key, { algorithms: ['ES256'] })
      return true
    },
  })
  const outcomes = []
  for (const credential of credentials) {
    outcomes.push(await sdjwt.verify(credential).then(() => ({ ok: true }), ({ message }) => ({ error: message })))
  }
  return outcomes
}

const input = JSON.parse(await text(process.stdin))
const answer = {}
if (input.make) answer.make = await make(input.make)
if (input.read) answer.read = await read(input.read)
if (input.lists) answer.lists = input.lists.map(({ lst, bits }) => StatusList.decompressStatusList(lst, bits).statusList)
if (input.check) answer.check = await check(input.check)
console.log(JSON.stringify(answer))
