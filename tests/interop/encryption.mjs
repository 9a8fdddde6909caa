// Encrypted Credential Requests and Responses (OID4VCI 10) of `@openid4vc/openid4vci` with jose. The library itself knows no
// encryption: its wallet has a `fetch` that encrypts, its issuer gets what was decrypted. It still wants the `alg` that drafts had
// beside `jwk` and `enc`.
//
// Reads one JSON object from standard input, and prints one, by the same names:
//   {"send": {name: {metadata, nonce, client_id, answer: {jwk, enc, zip}, enc, zip}}}: the request of a wallet, as {body}; `answer`
//     has the private key for the answer, `enc` and `zip` are for the request
//   {"receive": {name: {the same, body}}}: the credentials that this wallet finds in an answer
//   {"answer": {name: {metadata, key, nonce, client_id, credentials, body}}}: the answer of an issuer with that private key, as
//     {body, holder, header}

import { text } from 'node:stream/consumers'
import { Openid4vciClient, Openid4vciIssuer } from '@openid4vc/openid4vci'
import * as jose from 'jose'
import { generateRandom, hash, Keys, verifyJwt } from './callbacks.mjs'

const JWT = 'application/jwt'
const known = (credentialIssuer) => ({
  originalDraftVersion: 'V1',
  credentialIssuer,
  authorizationServers: [],
  knownCredentialConfigurations: credentialIssuer.credential_configurations_supported,
})

async function encrypted(message, { enc, zip, jwk }) {
  const { alg, kid } = jwk
  const header = { alg, enc, ...(kid ? { kid } : {}), ...(zip ? { zip } : {}) }
  const plaintext = new TextEncoder().encode(JSON.stringify(message))
  return await new jose.CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(await jose.importJWK(jwk, alg))
}

async function decrypted(body, jwk) {
  const { plaintext, protectedHeader } = await jose.compactDecrypt(body, await jose.importJWK(jwk, jwk.alg))
  return { message: JSON.parse(new TextDecoder().decode(plaintext)), header: protectedHeader }
}

// The wallet. Without a body, it has nobody to send to.

class Sent extends Error {
  constructor(body) {
    super('sent')
    this.body = body
  }
}

async function take({ metadata, nonce, client_id: clientId, answer, enc, zip, body }) {
  const keys = new Keys()
  const jwk = metadata.credential_request_encryption.jwks.keys[0]
  const fetch = async (_, { body: request }) => {
    if (body === undefined) throw new Sent(await encrypted(JSON.parse(request), { enc, zip, jwk }))
    return Response.json((await decrypted(body, answer.jwk)).message)
  }
  const callbacks = { hash, generateRandom, signJwt: keys.signJwt, fetch, clientAuthentication: () => {} }
  const client = new Openid4vciClient({ callbacks })
  const common = { issuerMetadata: known(metadata), credentialConfigurationId: 'note' }
  const { signer } = await keys.generate()
  const { jwt } = await client.createCredentialRequestJwtProof({ ...common, nonce, clientId, signer, issuedAt: new Date() })
  const { d, ...publicJwk } = answer.jwk
  const asked = { jwk: publicJwk, alg: publicJwk.alg, enc: answer.enc, ...(answer.zip ? { zip: answer.zip } : {}) }
  const { credentialResponse } = await client.retrieveCredentials({
    ...common,
    accessToken: 'token',
    proofs: { jwt: [jwt] },
    additionalRequestPayload: { credential_response_encryption: asked },
  })
  return credentialResponse.credentials.map(({ credential }) => credential)
}

const send = (task) =>
  take(task).catch((error) => {
    const sent = error instanceof Sent ? error : error.cause
    if (!(sent instanceof Sent)) throw error
    return { body: sent.body }
  })

// The issuer.

async function answer({ metadata, key, nonce, client_id: clientId, credentials, body }) {
  const issuer = new Openid4vciIssuer({ callbacks: { hash, generateRandom, verifyJwt: verifyJwt({}) } })
  const issuerMetadata = known(issuer.createCredentialIssuerMetadata(metadata))
  const { message, header } = await decrypted(body, key)
  const { credential_response_encryption: asked } = message
  const credentialRequest = { ...message, credential_response_encryption: { ...asked, alg: asked.jwk.alg } }
  const parsed = issuer.parseCredentialRequest({ credentialRequest, issuerMetadata })
  const [jwt] = parsed.proofs.jwt
  const { signer } = await issuer.verifyCredentialRequestJwtProof({ issuerMetadata, jwt, clientId, expectedNonce: nonce })
  const made = issuer.createCredentialResponse({
    credentialRequest: parsed,
    credentials: credentials.map((credential) => ({ credential })),
  })
  return { body: await encrypted(made, asked), holder: signer.publicJwk, header }
}

const input = JSON.parse(await text(process.stdin))
const [[verb, tasks]] = Object.entries(input)
const answers = {}
for (const [name, task] of Object.entries(tasks)) {
  answers[name] = await { send, receive: take, answer }[verb](task).then(
    (ok) => ({ ok }),
    (error) => ({ error: String(error.errorResponse?.error_description ?? error.message) })
  )
}
console.log(JSON.stringify(answers))
