// A wallet made of somebody else's libraries: takes one offer, verifies what comes, prints one JSON object.
//
//   node wallet.mjs '{"offer_uri": "...", "tx_code": "1234", "client_id": "...", "copies": 3, "anchors": "<PEM>"}'
//
// Without client_id it is an anonymous client. On failure the object has `error`: the step, and what the library saw.

import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import {
  clientAuthenticationAnonymous,
  clientAuthenticationNone,
  preAuthorizedCodeGrantIdentifier,
} from '@openid4vc/oauth2'
import { Openid4vciClient } from '@openid4vc/openid4vci'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import * as jose from 'jose'

const input = JSON.parse(process.argv[2])
const keys = new Map()

async function newKey() {
  const { publicKey, privateKey } = await jose.generateKeyPair('ES256')
  const jwk = await jose.exportJWK(publicKey)
  const thumbprint = await jose.calculateJwkThumbprint(jwk)
  keys.set(thumbprint, privateKey)
  return { jwk, thumbprint }
}

async function signJwt(signer, { header, payload }) {
  const thumbprint = await jose.calculateJwkThumbprint(signer.publicJwk)
  const jwt = await new jose.SignJWT(payload).setProtectedHeader(header).sign(keys.get(thumbprint))
  return { jwt, signerJwk: signer.publicJwk }
}

const client = new Openid4vciClient({
  callbacks: {
    fetch,
    hash: (data, algorithm) => createHash(algorithm.replace('-', '')).update(data).digest(),
    generateRandom: (size) => randomBytes(size),
    signJwt,
    decryptJwe: () => ({ decrypted: false }),
    clientAuthentication: input.client_id
      ? clientAuthenticationNone({ clientId: input.client_id })
      : clientAuthenticationAnonymous(),
  },
})

// The issuer's key: that of a leaf under one of our anchors, or the one of that kid in the issuer's own metadata.
async function issuerKey(header, issuer) {
  if (header.x5c) {
    const leaf = new X509Certificate(Buffer.from(header.x5c[0], 'base64'))
    const anchor = new X509Certificate(input.anchors)
    if (!leaf.checkIssued(anchor) || !leaf.verify(anchor.publicKey)) throw new Error('the leaf is not under the anchor')
    if (!leaf.subjectAltName.includes(`URI:${issuer}`)) throw new Error('the leaf is for another issuer')
    return { key: leaf.publicKey, resolution: 'x5c' }
  }
  const { origin, pathname } = new URL(issuer)
  const response = await fetch(`${origin}/.well-known/jwt-vc-issuer${pathname === '/' ? '' : pathname}`)
  const metadata = await response.json()
  if (metadata.issuer !== issuer) throw new Error('the keys are those of another issuer')
  const jwk = metadata.jwks.keys.find((each) => each.kid === header.kid)
  return { key: await jose.importJWK(jwk, header.alg), resolution: 'jwt-vc-issuer' }
}

async function verifyCredential(credential) {
  const header = jose.decodeProtectedHeader(credential.split('~')[0])
  const { iss } = jose.decodeJwt(credential.split('~')[0])
  const { key, resolution } = await issuerKey(header, iss)
  const sdjwt = new SDJwtVcInstance({
    hasher: (data, algorithm) => createHash(algorithm.replace('-', '')).update(data).digest(),
    hashAlg: 'sha-256',
    verifier: async (data, signature) => {
      await jose.compactVerify(`${data}.${signature}`, key, { algorithms: ['ES256'] })
      return true
    },
  })
  const { payload } = await sdjwt.verify(credential)
  const decoded = await sdjwt.decode(credential)
  return {
    typ: header.typ,
    resolution,
    claims: payload,
    disclosed: decoded.disclosures.map((disclosure) => disclosure.key),
    holder: await jose.calculateJwkThumbprint(payload.cnf.jwk),
  }
}

let step = 'offer'
try {
  const credentialOffer = await client.resolveCredentialOffer(input.offer_uri)
  step = 'metadata'
  const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
  step = 'token'
  const { accessTokenResponse } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
    credentialOffer,
    issuerMetadata,
    txCode: input.tx_code,
  })
  const issued = []
  for (const credentialConfigurationId of credentialOffer.credential_configuration_ids) {
    step = 'nonce'
    const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata })
    step = 'credential'
    const holders = await Promise.all(Array.from({ length: input.copies }, newKey))
    const proofs = await Promise.all(
      holders.map(({ jwk }) =>
        client.createCredentialRequestJwtProof({
          issuerMetadata,
          credentialConfigurationId,
          nonce,
          clientId: input.client_id,
          signer: { method: 'jwk', alg: 'ES256', publicJwk: jwk },
        })
      )
    )
    const { credentialResponse } = await client.retrieveCredentials({
      issuerMetadata,
      credentialConfigurationId,
      accessToken: accessTokenResponse.access_token,
      proofs: { jwt: proofs.map(({ jwt }) => jwt) },
    })
    step = 'verification'
    issued.push({
      configuration: credentialConfigurationId,
      holders: holders.map(({ thumbprint }) => thumbprint),
      credentials: await Promise.all(credentialResponse.credentials.map(({ credential }) => verifyCredential(credential))),
    })
  }
  const version = issuerMetadata.originalDraftVersion
  const txCode = credentialOffer.grants[preAuthorizedCodeGrantIdentifier].tx_code ?? null
  console.log(JSON.stringify({ version, tx_code: txCode, issued }))
} catch (error) {
  const code = error.errorResponse?.error ?? error.response?.credentialErrorResponseResult?.data?.error ?? null
  console.log(JSON.stringify({ error: { step, name: error.constructor.name, code, message: String(error.message) } }))
}
