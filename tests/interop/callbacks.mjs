// What the library asks of whoever embeds it: hashes, randomness, keys that sign, and whose signatures are believed.

import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import * as jose from 'jose'

const ATTESTATION = 'oauth-client-attestation+jwt'

export const hash = (data, algorithm) => createHash(algorithm.replace('-', '')).update(data).digest()
export const generateRandom = (size) => randomBytes(size)
export const newSecret = () => randomBytes(32).toString('base64url')

export const certificate = (base64) => new X509Certificate(Buffer.from(base64, 'base64'))

// The key of the leaf, if the first anchor has signed it: the chains of these tests have one certificate.
export function certifiedKey(x5c, anchors) {
  const leaf = certificate(x5c[0])
  const anchor = new X509Certificate(anchors)
  if (!leaf.checkIssued(anchor) || !leaf.verify(anchor.publicKey)) throw new Error('the leaf is not under the anchor')
  return leaf.publicKey
}

// Private keys by the thumbprint of their public halves.
export class Keys {
  #keys = new Map()

  async generate() {
    const { publicKey, privateKey } = await jose.generateKeyPair('ES256')
    const jwk = await jose.exportJWK(publicKey)
    const thumbprint = await jose.calculateJwkThumbprint(jwk)
    this.#keys.set(thumbprint, privateKey)
    return { jwk, thumbprint, signer: { method: 'jwk', alg: 'ES256', publicJwk: jwk } }
  }

  async add({ d, ...jwk }) {
    const thumbprint = await jose.calculateJwkThumbprint(jwk)
    this.#keys.set(thumbprint, await jose.importJWK({ ...jwk, d }, 'ES256'))
    return { jwk, thumbprint, signer: { method: 'jwk', alg: 'ES256', publicJwk: jwk } }
  }

  signJwt = async (signer, { header, payload }) => {
    const jwk = signer.publicJwk ?? certificate(signer.x5c[0]).publicKey.export({ format: 'jwk' })
    const key = this.#keys.get(await jose.calculateJwkThumbprint(jwk))
    return { jwt: await new jose.SignJWT(payload).setProtectedHeader(header).sign(key), signerJwk: jwk }
  }
}

// Attestations are believed by certificate or by attester, everything else by the key that the library has found.
export function verifyJwt({ anchors, attesters = {} }) {
  return async (signer, { header, payload, compact }) => {
    let jwk = signer.publicJwk
    if (header.typ === ATTESTATION) {
      jwk = header.x5c ? certifiedKey(header.x5c, anchors).export({ format: 'jwk' }) : attesters[payload.iss]
    }
    if (jwk === undefined) return { verified: false }
    try {
      await jose.compactVerify(compact, await jose.importJWK(jwk, signer.alg), { algorithms: [signer.alg] })
    } catch {
      return { verified: false }
    }
    return { verified: true, signerJwk: jwk }
  }
}
