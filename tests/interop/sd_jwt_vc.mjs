// SD-JWT VCs made, presented and verified by somebody else's library, which leaves keys and certificates to whoever embeds it.
//
// Reads one JSON object from standard input and prints one:
//   {"issue": {name: {key, header, payload, frame}}}: by name the credential that an issuer of the library makes
//   {"verify": {name: {credential, ...}}}: by name what the library says: {"ok": ...} or {"error": message}.
//     `jwk` or `anchors` (PEM) give the issuer's key, `documents` Type Metadata by type; with `holder`, a private JWK, the
//     disclosures of `frame` are presented under a key binding first

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { certifiedKey } from './callbacks.mjs'

const HASHES = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512', EdDSA: null }
const NONCE = 'a-nonce-of-the-verifier'

const options = (key) => ({ key, dsaEncoding: 'ieee-p1363' })
const header = (data) => JSON.parse(Buffer.from(data.split('.')[0], 'base64url'))

function signer(jwk, alg) {
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  return (data) => sign(HASHES[alg], Buffer.from(data), options(key)).toString('base64url')
}

function verifier(keyOf) {
  return (data, signature) => {
    const { alg } = header(data)
    return verify(HASHES[alg], Buffer.from(data), options(keyOf(data)), Buffer.from(signature, 'base64url'))
  }
}

const publicKey = (jwk) => createPublicKey({ key: jwk, format: 'jwk' })

const common = {
  hasher: (data, alg) => createHash(alg.replace('-', '')).update(data).digest(),
  saltGenerator: () => randomBytes(16).toString('base64url'),
}

async function issue({ key, header, payload, frame, hash = 'sha-256' }) {
  const library = new SDJwtVcInstance({ ...common, hashAlg: hash, signAlg: header.alg, signer: signer(key, header.alg) })
  return library.issue(payload, frame, { header })
}

async function check({ credential, jwk, anchors, documents, holder, frame, required, audience }) {
  const issuerKey = (data) => (anchors ? certifiedKey(header(data).x5c, anchors) : publicKey(jwk))
  const library = new SDJwtVcInstance({
    ...common,
    hashAlg: 'sha-256',
    verifier: verifier(issuerKey),
    loadTypeMetadataFormat: documents !== undefined,
    vctFetcher: async (vct) => documents[vct],
    ...(holder && { kbSigner: signer(holder, 'ES256'), kbSignAlg: 'ES256' }),
    kbVerifier: (data, signature, payload) => verifier(() => publicKey(payload.cnf.jwk))(data, signature),
  })
  if (holder === undefined) {
    const { payload, typeMetadata } = await library.verify(credential, { requiredClaimKeys: required })
    return { payload, claims: typeMetadata?.mergedTypeMetadata.claims, types: typeMetadata?.vctValues }
  }
  const binding = { payload: { iat: Math.floor(Date.now() / 1000), aud: audience, nonce: NONCE } }
  const presented = await library.present(credential, frame, { kb: binding })
  const { payload, kb } = await library.verify(presented, { requiredClaimKeys: required, keyBindingNonce: NONCE })
  return { payload, presented, audience: kb.payload.aud }
}

async function answer(action, questions = {}) {
  const answers = {}
  for (const [name, question] of Object.entries(questions)) {
    try {
      answers[name] = { ok: await action(question) }
    } catch (error) {
      answers[name] = { error: String(error.message ?? error) }
    }
  }
  return answers
}

const given = JSON.parse(await text(process.stdin))
process.stdout.write(JSON.stringify({ issue: await answer(issue, given.issue), verify: await answer(check, given.verify) }))
