// Proofs of a wallet's keys, made and verified by somebody else's libraries.
//
// Reads one JSON object from standard input and prints one:
//   {"make": {issuer, client_id, nonce, attester: {issuer, jwk, x5c}, holder: {jwk, x5c}}}: by name the proofs that a wallet of the
//     library makes, as {type, proof, keys}; `keys` are the public keys that it is about
//   {"verify": {name: {jwt | attestation, issuer, client_id, nonce, anchors}}}: by name what an issuer of the library says:
//     {"ok": {key, attested}} or {"error": message}

import { text } from 'node:stream/consumers'
import { Openid4vciClient, Openid4vciIssuer } from '@openid4vc/openid4vci'
import * as jose from 'jose'
import { certificate, certifiedKey, generateRandom, hash, Keys } from './callbacks.mjs'
import { didJwk, didKey, keyOf } from './dids.mjs'
import { keyAttestation, TYPE } from './key_attestation.mjs'

const ALGORITHMS = ['ES256', 'EdDSA']

// Making

async function make({ issuer, client_id: clientId, nonce, attester, holder }) {
  const keys = new Keys()
  const names = new Map()
  const signJwt = (signer, jwt) => keys.signJwt(names.get(signer.didUrl) ?? signer, jwt)
  const callbacks = { hash, generateRandom, signJwt, fetch, clientAuthentication: () => {} }
  const client = new Openid4vciClient({ callbacks })
  await keys.add(attester.jwk)
  const [first, second] = [await keys.generate(), await keys.generate()]
  const certified = await keys.add(holder.jwk)

  const attestation = (use) =>
    keyAttestation({
      use,
      attester,
      jwks: [first.jwk, second.jwk],
      nonce,
      keyStorage: ['iso_18045_high'],
      userAuthentication: ['iso_18045_moderate'],
      callbacks,
    })

  const configuration = {
    format: 'dc+sd-jwt',
    vct: 'https://credentials.example.com/note',
    cryptographic_binding_methods_supported: ['jwk', 'did:key', 'did:jwk'],
    proof_types_supported: { jwt: { proof_signing_alg_values_supported: ALGORITHMS } },
  }
  const issuerMetadata = {
    originalDraftVersion: 'V1',
    credentialIssuer: {
      credential_issuer: issuer,
      credential_endpoint: `${issuer}/credential`,
      credential_configurations_supported: { note: configuration },
    },
    authorizationServers: [],
    knownCredentialConfigurations: {},
  }
  const made = {}
  async function jwt(name, signer, about, keyAttestationJwt) {
    const options = { issuerMetadata, credentialConfigurationId: 'note', signer, clientId, nonce, keyAttestationJwt }
    const { jwt: proof } = await client.createCredentialRequestJwtProof({ ...options, issuedAt: new Date() })
    made[name] = { type: 'jwt', proof, keys: about }
  }
  async function named(name, didUrl) {
    names.set(didUrl, first.signer)
    await jwt(name, { method: 'did', alg: 'ES256', didUrl }, [first.jwk])
  }
  await jwt('jwk', first.signer, [first.jwk])
  await named('did:key', await didKey(first.jwk))
  await named('did:jwk', didJwk(first.jwk))
  await jwt('x5c', { method: 'x5c', alg: 'ES256', x5c: holder.x5c }, [certified.jwk])
  await jwt('key_attestation', first.signer, [first.jwk, second.jwk], await attestation('jwt'))
  const alone = await attestation('attestation')
  made.attestation = { type: 'attestation', proof: alone, keys: [first.jwk, second.jwk] }
  return made
}

// Verifying

function verifyJwt({ anchors }) {
  return async (signer, { header, compact }) => {
    let jwk = signer.publicJwk
    try {
      if (header.typ === TYPE) jwk = certifiedKey(header.x5c, anchors).export({ format: 'jwk' })
      else if (signer.method === 'x5c') jwk = certificate(signer.x5c[0]).publicKey.export({ format: 'jwk' })
      else if (signer.method === 'did') jwk = await keyOf(signer.didUrl)
      await jose.compactVerify(compact, await jose.importJWK(jwk, signer.alg), { algorithms: ALGORITHMS })
    } catch {
      return { verified: false }
    }
    return { verified: true, signerJwk: jwk }
  }
}

async function verify({ jwt, attestation, issuer, client_id: clientId, nonce: expectedNonce, anchors }) {
  const library = new Openid4vciIssuer({ callbacks: { hash, generateRandom, verifyJwt: verifyJwt({ anchors }) } })
  if (attestation !== undefined) {
    const options = { keyAttestationJwt: attestation, expectedNonce, issuerMetadata: {} }
    const { payload } = await library.verifyCredentialRequestAttestationProof(options)
    return { attested: payload.attested_keys }
  }
  const issuerMetadata = { credentialIssuer: { credential_issuer: issuer } }
  const options = { issuerMetadata, jwt, clientId, expectedNonce }
  const { signer, keyAttestation } = await library.verifyCredentialRequestJwtProof(options)
  return { key: signer.publicJwk, attested: keyAttestation?.payload.attested_keys }
}

const input = JSON.parse(await text(process.stdin))
if (input.make !== undefined) {
  console.log(JSON.stringify(await make(input.make)))
} else {
  const answers = {}
  for (const [name, task] of Object.entries(input.verify)) {
    answers[name] = await verify(task).then(
      (ok) => ({ ok }),
      (error) => ({ error: String(error.errorResponse?.error_description ?? error.message) })
    )
  }
  console.log(JSON.stringify(answers))
}
