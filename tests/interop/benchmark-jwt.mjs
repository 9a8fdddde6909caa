// JWTs with jose.

import * as jose from 'jose'

export async function load({ key, header, claims, holders, credentials }) {
  const { d, ...publicJwk } = key
  const privateKey = await jose.importJWK({ ...publicJwk, d }, 'ES256')
  const publicKey = await jose.importJWK(publicJwk, 'ES256')
  return {
    issue: async () => {
      const issued = []
      for (const jwk of holders) {
        issued.push(await new jose.SignJWT({ ...claims, cnf: { jwk } }).setProtectedHeader(header).sign(privateKey))
      }
      return issued
    },
    verify: async () => {
      const found = []
      for (const credential of credentials) {
        const options = { issuer: claims.iss, algorithms: ['ES256'], requiredClaims: ['exp', 'nbf'] }
        found.push((await jose.jwtVerify(credential, publicKey, options)).payload.vc)
      }
      return found
    },
  }
}
