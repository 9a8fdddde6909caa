// Key attestations, made by `@openid4vc/openid4vci` as the provider of a wallet.

import { Openid4vciWalletProvider } from '@openid4vc/openid4vci'

export const TYPE = 'key-attestation+jwt'

// `signJwt` with the type of OID4VCI D.1: the library still writes that of a draft.
export function withType(signJwt) {
  return (signer, { header, payload }) => {
    const typ = header.typ === 'keyattestation+jwt' ? TYPE : header.typ
    return signJwt(signer, { header: { ...header, typ }, payload })
  }
}

// For keys, whose attester {issuer, x5c} can sign by `callbacks`. `use`: the proof type.
export function keyAttestation({ use, attester, jwks, nonce, keyStorage, userAuthentication, callbacks }) {
  const provider = new Openid4vciWalletProvider({ callbacks: { ...callbacks, signJwt: withType(callbacks.signJwt) } })
  return provider.createKeyAttestationJwt({
    use: `proof_type.${use}`,
    signer: { method: 'x5c', alg: 'ES256', x5c: attester.x5c },
    attestedKeys: jwks,
    keyStorage,
    userAuthentication,
    nonce,
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + 300_000),
    additionalPayload: { iss: attester.issuer },
  })
}
