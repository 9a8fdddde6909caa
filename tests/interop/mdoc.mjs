// mdocs of `@owf/mdoc`: made for our Wallet, and ours checked. Its cryptography and X.509 are node's.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { CoseKey, DateOnly, DeviceKey, Holder, Issuer, IssuerSigned } from '@owf/mdoc'

function read(bytes) {
  return new X509Certificate(bytes)
}

function named(name, field) {
  return name
    .split('\n')
    .filter((line) => line.startsWith(`${field}=`))
    .map((line) => line.slice(field.length + 1))
}

const context = {
  crypto: {
    random: (length) => new Uint8Array(randomBytes(length)),
    digest: ({ digestAlgorithm, bytes }) =>
      new Uint8Array(createHash(digestAlgorithm.replace('-', '').toLowerCase()).update(bytes).digest()),
    calculateEphemeralMacKey: () => {
      throw new Error('not used')
    },
  },
  cose: {
    sign1: {
      sign: ({ toBeSigned, key, algorithm }) => {
        const privateKey = createPrivateKey({ key: key.jwk, format: 'jwk' })
        return new Uint8Array(sign(algorithm === -7 ? 'sha256' : null, toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
      },
      verify: ({ sign1, key }) => {
        const publicKey = createPublicKey({ key: key.jwk, format: 'jwk' })
        const hash = sign1.signatureAlgorithmName === 'ES256' ? 'sha256' : null
        return verify(hash, sign1.toBeSigned, { key: publicKey, dsaEncoding: 'ieee-p1363' }, sign1.signature)
      },
    },
    mac0: {},
  },
  x509: {
    getIssuerNameField: ({ certificate, field }) => named(read(certificate).issuer, field),
    getPublicKey: ({ certificate }) => CoseKey.fromJwk(read(certificate).publicKey.export({ format: 'jwk' })),
    verifyCertificateChain: ({ trustedCertificates, x5chain, now }) => {
      const chain = [...x5chain.map(read)]
      const last = chain[chain.length - 1]
      const anchor = trustedCertificates.map(read).find((each) => last.checkIssued(each) && last.verify(each.publicKey))
      if (anchor === undefined) throw new Error('no trusted certificate')
      for (const each of [...chain, anchor]) {
        if (new Date(each.validFrom) > now || now > new Date(each.validTo)) throw new Error('not valid now')
      }
      for (let i = 0; i + 1 < chain.length; i++) {
        if (!chain[i].verify(chain[i + 1].publicKey)) throw new Error('not a chain')
      }
    },
    getCertificateData: ({ certificate }) => {
      const { issuer, subject, serialNumber, fingerprint256, validFrom, validTo } = read(certificate)
      return {
        issuerName: issuer,
        subjectName: subject,
        serialNumber,
        thumbprint: fingerprint256,
        notBefore: new Date(validFrom),
        notAfter: new Date(validTo),
      }
    },
  },
}

const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'))

// Data elements as JSON cannot have them: {"date": "2019-10-20"}, {"time": "..."}, {"bytes": base64}.
function value(json) {
  if (Array.isArray(json)) return json.map(value)
  if (json === null || typeof json !== 'object') return json
  if (typeof json.date === 'string') return new DateOnly(json.date)
  if (typeof json.time === 'string') return new Date(json.time)
  if (typeof json.bytes === 'string') return bytes(json.bytes)
  return new Map(Object.entries(json).map(([name, member]) => [name, value(member)]))
}

// And back.
function json(read) {
  if (read instanceof DateOnly) return { date: read.toISOString() }
  if (read instanceof Date) return { time: read.toISOString() }
  if (read instanceof Uint8Array) return { bytes: Buffer.from(read).toString('base64') }
  if (read instanceof Map) return Object.fromEntries([...read].map(([name, member]) => [name, json(member)]))
  if (Array.isArray(read)) return read.map(json)
  if (read !== null && typeof read === 'object') {
    return Object.fromEntries(Object.entries(read).map(([name, member]) => [name, json(member)]))
  }
  return read
}

async function make({ doctype, claims, jwk, certificates, device, now, digest }) {
  const issuer = new Issuer(doctype, context)
  for (const [namespace, elements] of Object.entries(claims)) {
    const values = Object.entries(elements).map(([name, element]) => [name, value(element)])
    issuer.addIssuerNamespace(namespace, new Map(values))
  }
  const signed = await issuer.sign({
    signingKey: CoseKey.fromJwk(jwk),
    algorithm: jwk.crv === 'P-256' ? -7 : -8,
    digestAlgorithm: digest,
    certificates: certificates.map(bytes),
    deviceKeyInfo: { deviceKey: DeviceKey.fromJwk(device) },
    validityInfo: {
      signed: new Date(now * 1000),
      validFrom: new Date(now * 1000),
      validUntil: new Date((now + 86_400) * 1000),
    },
  })
  return signed.encodedForOid4Vci
}

async function check({ credential, anchors, now }) {
  const trusted = { trustedCertificates: anchors.map(bytes), now: new Date(now * 1000) }
  await Holder.verifyIssuerSigned({ issuerSigned: credential, ...trusted }, context)
  const read = IssuerSigned.fromEncodedForOid4Vci(credential)
  const claims = {}
  for (const namespace of read.issuerNamespaces.issuerNamespaces.keys()) {
    claims[namespace] = json(read.getPrettyClaims(namespace))
  }
  const { docType, deviceKeyInfo, validityInfo } = read.issuerAuth.mobileSecurityObject
  return { claims, doctype: docType, device: deviceKeyInfo.deviceKey.jwk, signed: validityInfo.signed.toISOString() }
}

const input = JSON.parse(await text(process.stdin))
const answers = {}
for (const [name, task] of Object.entries(input)) {
  const run = task.credential === undefined ? make : check
  answers[name] = await run(task).then(
    (ok) => ({ ok }),
    (error) => ({ error: String(error.message) })
  )
}
console.log(JSON.stringify(answers))
