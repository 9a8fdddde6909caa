// Signed metadata made and read by somebody else's library.
//
// Reads one JSON object from standard input and prints one:
//   {"make": {metadata, jwk, x5c, issued_at, expires_at, issuer}}: {"jwt"}
//   {"read": {credential_issuer, documents: {url: {media_type, body}}, anchors}}: what it fetched with which Accept,
//     and {"metadata", "payload"} or {"error": message}. Signers are believed by certificate.

import { text } from 'node:stream/consumers'
import { Openid4vciClient, Openid4vciIssuer } from '@openid4vc/openid4vci'
import * as jose from 'jose'
import { certifiedKey, generateRandom, hash, Keys } from './callbacks.mjs'

const keys = new Keys()
const common = { hash, generateRandom, signJwt: keys.signJwt, decryptJwe: () => ({ decrypted: false }) }

async function make({ metadata, jwk, x5c, issued_at, expires_at, issuer }) {
  await keys.add(jwk)
  const jwt = await new Openid4vciIssuer({ callbacks: common }).createSignedCredentialIssuerMetadataJwt({
    credentialIssuerMetadata: metadata,
    signer: { method: 'x5c', alg: 'ES256', x5c },
    issuedAt: new Date(issued_at * 1000),
    expiresAt: new Date(expires_at * 1000),
    issuer,
  })
  return { jwt }
}

async function read({ credential_issuer, documents, anchors }) {
  const fetched = []
  const fetch = async (url, init) => {
    fetched.push({ url: String(url), accept: new Headers(init?.headers).get('accept') })
    const found = documents[String(url)]
    if (!found) return new Response(null, { status: 404 })
    return new Response(found.body, { headers: { 'content-type': found.media_type } })
  }
  const verifyJwt = async (signer, { compact }) => {
    try {
      const key = certifiedKey(signer.x5c, anchors)
      await jose.compactVerify(compact, key, { algorithms: ['ES256'] })
      return { verified: true, signerJwk: key.export({ format: 'jwk' }) }
    } catch {
      return { verified: false }
    }
  }
  try {
    const client = new Openid4vciClient({ callbacks: { ...common, fetch, verifyJwt, clientAuthentication: () => {} } })
    const { credentialIssuer, signedCredentialIssuer } = await client.resolveIssuerMetadata(credential_issuer)
    return { fetched, metadata: credentialIssuer, payload: signedCredentialIssuer?.jwt.payload }
  } catch (error) {
    return { fetched, error: error.message }
  }
}

const input = JSON.parse(await text(process.stdin))
const answer = {}
if (input.make) answer.make = await make(input.make)
if (input.read) answer.read = await read(input.read)
console.log(JSON.stringify(answer))
