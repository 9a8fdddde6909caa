// Client attestations as draft-ietf-oauth-attestation-based-client-auth-07 has them. This version of the library makes and
// demands proofs of possession of drafts before -06: with `exp`, which -07 does not have, and `nonce` in place of `challenge`.

import { decodeJwt, verifyClientAttestationJwt, verifyJwt } from '@openid4vc/oauth2'

// Section 5.2: the `challenge` goes into what the library signs.
export function withChallenge(signJwt, challenge) {
  return (signer, { header, payload }) => signJwt(signer, { header, payload: { ...payload, challenge } })
}

// Sections 5.2 and 9: the library's verification of the attestation, and of the proof what it does apart from its schema.
export async function verifyClientAttestation({ issuer, attestation, pop, callbacks }) {
  const { payload } = await verifyClientAttestationJwt({ callbacks, clientAttestationJwt: attestation })
  const proof = decodeJwt({ jwt: pop })
  if (proof.header.typ !== 'oauth-client-attestation-pop+jwt') throw new Error('this is no proof of possession')
  await verifyJwt({
    signer: { method: 'jwk', alg: proof.header.alg, publicJwk: payload.cnf.jwk },
    header: proof.header,
    payload: proof.payload,
    compact: pop,
    expectedAudience: issuer,
    expectedIssuer: payload.sub,
    requiredClaims: ['iss', 'aud', 'jti', 'iat'],
    verifyJwtCallback: callbacks.verifyJwt,
    errorMessage: 'client attestation pop jwt verification failed',
  })
  return { attestation: payload, pop: proof.payload }
}
