// W3C credentials as JWTs, made and verified by somebody else's libraries: did-jwt-vc for VCDM 1.1, jose for vc+jwt.
//
// Reads one JSON object from standard input and prints one:
//   {"make": {...}}: credentials by name
//   {"verify": {name: {...}}}: by name what the libraries say: {"ok": ...} or {"error": message}

import { createPrivateKey, sign } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { createVerifiableCredentialJwt, verifyCredential } from 'did-jwt-vc'
import { CompactSign, importJWK, jwtVerify } from 'jose'

function signer(jwk) {
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const hash = jwk.crv === 'Ed25519' ? null : 'sha256'
  return async (data) => sign(hash, Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

// A resolver of the one DID whose key, or whose document, is known.
function resolver({ did, kid, jwk, document }) {
  const didDocument = document ?? {
    '@context': 'https://www.w3.org/ns/did/v1',
    id: did,
    verificationMethod: [{ id: kid, type: 'JsonWebKey2020', controller: did, publicKeyJwk: jwk }],
    assertionMethod: [kid],
    authentication: [kid],
  }
  return {
    resolve: async (url) => {
      if (url !== did) throw new Error(`not the DID: ${url}`)
      return { didDocument, didDocumentMetadata: {}, didResolutionMetadata: { contentType: 'application/did+json' } }
    },
  }
}

async function make({ did, kid, alg, jwk, credential, jwt, w3c }) {
  const issuer = { did, alg, signer: signer(jwk) }
  const header = { typ: 'JWT', kid }
  return {
    // The members move into claims, or stay beside them.
    moved: await createVerifiableCredentialJwt(credential, issuer, { header, removeOriginalFields: true }),
    both: await createVerifiableCredentialJwt(credential, issuer, { header, removeOriginalFields: false }),
    claims: await createVerifiableCredentialJwt(jwt, issuer, { header }),
    'vc+jwt': await new CompactSign(new TextEncoder().encode(JSON.stringify(w3c)))
      .setProtectedHeader({ alg, typ: 'vc+jwt', cty: 'vc', kid })
      .sign(await importJWK(jwk, alg)),
  }
}

async function verify({ format, credential, ...issuer }) {
  if (format === 'vc+jwt') {
    const { payload } = await jwtVerify(credential, await importJWK(issuer.jwk, issuer.alg), { typ: 'vc+jwt' })
    return payload
  }
  const verified = await verifyCredential(credential, resolver(issuer))
  return { credential: verified.verifiableCredential, issuer: verified.issuer }
}

const given = JSON.parse(await text(process.stdin))
const answer = {}
if (given.make) answer.made = await make(given.make)
for (const [name, asked] of Object.entries(given.verify ?? {})) {
  try {
    answer[name] = { ok: await verify(asked) }
  } catch (error) {
    answer[name] = { error: String(error.message) }
  }
}
console.log(JSON.stringify(answer))
