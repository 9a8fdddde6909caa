// mdocs with @owf/mdoc. It leaves signatures, digests and certificates to the application: here node's own, the fastest there
// are, and a chain of one certificate under one anchor.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto'
import { CoseKey, DateOnly, DeviceKey, Holder, Issuer, IssuerSigned, SignatureAlgorithm } from '@owf/mdoc'

const digest = ({ bytes }) => createHash('sha256').update(bytes).digest()
const keyOf = (jwk) => ({ dsaEncoding: 'ieee-p1363', key: createPublicKey({ key: jwk, format: 'jwk' }) })
const certificateOf = (der) => new X509Certificate(der)

// Values with a tag of their own are marked in JSON, which has none.
function decoded(value) {
  if (Array.isArray(value)) return value.map((each) => decoded(each))
  if (value === null || typeof value !== 'object') return value
  if ('date' in value) return new DateOnly(value.date)
  if ('bytes' in value) return new Uint8Array(Buffer.from(value.bytes, 'base64'))
  return new Map(Object.entries(value).map(([name, each]) => [name, decoded(each)]))
}

export function load({ key, chain, doctype, namespace, elements, now, lifetime, holders, credentials, anchors }) {
  const signing = { dsaEncoding: 'ieee-p1363', key: createPrivateKey({ key, format: 'jwk' }) }
  const signingKey = CoseKey.fromJwk(key)
  const certificates = chain.map((text) => new Uint8Array(Buffer.from(text, 'base64')))
  const trustedCertificates = anchors.map((text) => new Uint8Array(Buffer.from(text, 'base64')))
  const [anchor] = trustedCertificates.map(certificateOf)
  const anchorKey = anchor.publicKey
  const deviceKeys = holders.map((jwk) => DeviceKey.fromJwk(jwk))
  const [from, until] = [new Date(now * 1000), new Date((now + lifetime) * 1000)]
  const context = {
    crypto: { random: (size) => new Uint8Array(randomBytes(size)), digest },
    cose: {
      sign1: {
        sign: ({ toBeSigned }) => sign('sha256', toBeSigned, signing),
        verify: ({ key: publicKey, sign1 }) => verify('sha256', sign1.toBeSigned, keyOf(publicKey.jwk), sign1.signature),
      },
    },
    x509: {
      getIssuerNameField: ({ certificate, field }) => {
        const lines = certificateOf(certificate).issuer.split('\n')
        return lines.filter((line) => line.startsWith(`${field}=`)).map((line) => line.slice(field.length + 1))
      },
      getPublicKey: ({ certificate }) => CoseKey.fromJwk(certificateOf(certificate).publicKey.export({ format: 'jwk' })),
      verifyCertificateChain: ({ x5chain, now: at }) => {
        const leaf = certificateOf(x5chain[0])
        if (!leaf.checkIssued(anchor) || !leaf.verify(anchorKey) || new Date(leaf.validTo) < at) throw new Error('x5chain')
      },
      getCertificateData: ({ certificate }) => {
        const { validFrom, validTo, issuer: issuerName } = certificateOf(certificate)
        return { issuerName, notBefore: new Date(validFrom), notAfter: new Date(validTo) }
      },
    },
  }
  const values = Object.fromEntries(Object.entries(elements).map(([name, value]) => [name, decoded(value)]))
  return {
    issue: async () => {
      const issued = []
      for (const deviceKey of deviceKeys) {
        const signed = await new Issuer(doctype, context).addIssuerNamespace(namespace, values).sign({
          signingKey,
          algorithm: SignatureAlgorithm.ES256,
          digestAlgorithm: 'SHA-256',
          validityInfo: { signed: from, validFrom: from, validUntil: until },
          deviceKeyInfo: { deviceKey },
          certificates,
        })
        issued.push(signed.encodedForOid4Vci)
      }
      return issued
    },
    verify: async () => {
      const found = []
      for (const credential of credentials) {
        const issuerSigned = IssuerSigned.fromEncodedForOid4Vci(credential)
        await Holder.verifyIssuerSigned({ issuerSigned, trustedCertificates }, context)
        found.push(Object.keys(issuerSigned.getPrettyClaims(namespace)))
      }
      return found
    },
  }
}
