// SD-JWT VCs with @sd-jwt/sd-jwt-vc. It leaves signatures and certificates to the application: here node's own, the fastest
// there are, and a chain of one certificate under one anchor.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'

export function load({ key, header, payload, frame, holders, credentials, anchors }) {
  const privateKey = createPrivateKey({ key, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  const [anchor] = anchors.map((text) => new X509Certificate(Buffer.from(text, 'base64')))
  const anchorKey = anchor.publicKey
  const common = { hasher: (data) => createHash('sha256').update(data).digest(), hashAlg: 'sha-256' }
  const issuer = new SDJwtVcInstance({
    ...common,
    saltGenerator: () => randomBytes(18).toString('base64url'),
    signAlg: 'ES256',
    signer: (data) => sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  })

  function issuerKey(data) {
    const { x5c } = JSON.parse(Buffer.from(data.split('.')[0], 'base64url'))
    if (x5c === undefined) return publicKey
    const leaf = new X509Certificate(Buffer.from(x5c[0], 'base64'))
    if (!leaf.checkIssued(anchor) || !leaf.verify(anchorKey) || new Date(leaf.validTo) < new Date()) throw new Error('x5c')
    return leaf.publicKey
  }

  const verifier = new SDJwtVcInstance({
    ...common,
    verifier: (data, signature) => {
      const options = { key: issuerKey(data), dsaEncoding: 'ieee-p1363' }
      return verify('sha256', Buffer.from(data), options, Buffer.from(signature, 'base64url'))
    },
  })
  return {
    issue: async () => {
      const issued = []
      for (const jwk of holders) issued.push(await issuer.issue({ ...payload, cnf: { jwk } }, frame, { header }))
      return issued
    },
    verify: async () => {
      const found = []
      for (const credential of credentials) found.push((await verifier.verify(credential)).payload)
      return found
    },
  }
}
