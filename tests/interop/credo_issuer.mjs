// Credo as a Credential Issuer and authorization server, for pre-authorized codes.
//
//   node credo_issuer.mjs    reads one line of JSON from standard input, ends when that does, and prints {"port"}:
//     origin: where the issuer says it is; it listens on the loopback interface
//     signing, document_signing: {"jwk", "x5c"}: the key that signs SD-JWT VCs, and that for mdocs
//     attesters: PEM, the authority of those who attest keys
//
// `POST /offers` {"configuration_ids", "tx_code"} answers {"offer_uri", "tx_code"}.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import express from 'express'
import { Kms, X509Certificate } from '@credo-ts/core'
import { OpenId4VcModule } from '@credo-ts/openid4vc'
import { credo, imported } from './credo.mjs'

const lines = createInterface({ input: process.stdin })
const input = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)))
const ISSUER_ID = 'credo'
// Credo's routes are below this; it takes every name at the root for that of an issuer.
const base = `${input.origin}/issuers`
const identifier = `${base}/${ISSUER_ID}`
const DOCTYPE = 'org.iso.18013.5.1.mDL'
const DAY = 86_400_000

const proved = { proof_signing_alg_values_supported: ['ES256'] }
const identity = (name, proof_types_supported = { jwt: proved }) => ({
  format: 'dc+sd-jwt',
  vct: `urn:example:${name}`,
  scope: name,
  cryptographic_binding_methods_supported: ['jwk'],
  credential_signing_alg_values_supported: ['ES256'],
  proof_types_supported,
})
const configurations = {
  identity: identity('identity'),
  attested: identity('attested', { attestation: { ...proved, key_attestations_required: {} } }),
  later: identity('later'),
  licence: {
    format: 'mso_mdoc',
    doctype: DOCTYPE,
    scope: 'licence',
    cryptographic_binding_methods_supported: ['cose_key'],
    credential_signing_alg_values_supported: [-7],
    proof_types_supported: { jwt: proved },
  },
}

let leaf, documentSigner
const CLAIMS = { given_name: 'Ada', birthdate: '1992-02-29', level: 'gold' }

function credentials(id, holderBinding) {
  if (id === 'licence') {
    const namespaces = { 'org.iso.18013.5.1': { given_name: CLAIMS.given_name, document_number: '42' } }
    const now = Date.now()
    const validityInfo = { signed: new Date(now), validFrom: new Date(now), validUntil: new Date(now + DAY) }
    const mdocs = holderBinding.keys.map(({ jwk: holderKey }) => {
      return { docType: DOCTYPE, issuerCertificate: documentSigner, validityInfo, holderKey, namespaces }
    })
    return { type: 'credentials', format: 'mso_mdoc', credentials: mdocs }
  }
  const signed = holderBinding.keys.map((holder) => ({
    holder,
    issuer: { method: 'x5c', x5c: [leaf], issuer: identifier },
    payload: { vct: `urn:example:${id}`, iat: Math.floor(Date.now() / DAY) * 86_400, ...CLAIMS },
    disclosureFrame: { _sd: Object.keys(CLAIMS) },
  }))
  return { type: 'credentials', format: 'dc+sd-jwt', credentials: signed }
}

// The keys of the first request of each transaction. Credo sees to it that nobody comes before the interval has passed.
const waiting = new Map()

const app = express()
const http = app.listen(0, '127.0.0.1')
await once(http, 'listening')
const { port } = http.address()
// As a resource server it fetches the keys of the authorization server that it is.
const here = (url, init) => fetch(String(url).replace(input.origin, `http://127.0.0.1:${port}`), init)
const agent = await credo(
  {
    openid4vc: new OpenId4VcModule({
      app,
      issuer: {
        baseUrl: base,
        credentialRequestToCredentialMapper({ credentialConfigurationId: id, holderBinding }) {
          if (id !== 'later') return credentials(id, holderBinding)
          const transactionId = crypto.randomUUID()
          waiting.set(transactionId, holderBinding)
          return { type: 'deferral', transactionId, interval: 1 }
        },
        deferredCredentialRequestToCredentialMapper({ deferredCredentialRequest: { transaction_id: transactionId } }) {
          return credentials('later', waiting.get(transactionId))
        },
      },
    }),
  },
  [input.attesters],
  here
)

async function certificate({ jwk, x5c }) {
  const found = X509Certificate.fromEncodedCertificate(x5c[0])
  found.keyId = (await imported(agent, jwk)).keyId
  return found
}

leaf = await certificate(input.signing)
documentSigner = await certificate(input.document_signing)
await agent.openid4vc.issuer.createIssuer({
  issuerId: ISSUER_ID,
  dpopSigningAlgValuesSupported: [Kms.KnownJwaSignatureAlgorithms.ES256],
  credentialConfigurationsSupported: configurations,
  batchCredentialIssuance: { batchSize: 5 },
})

app.post('/offers', express.json(), async ({ body }, response) => {
  const { configuration_ids: credentialConfigurationIds, tx_code: txCode } = body
  const { credentialOffer, issuanceSession } = await agent.openid4vc.issuer.createCredentialOffer({
    issuerId: ISSUER_ID,
    credentialConfigurationIds,
    preAuthorizedCodeFlowConfig: txCode ? { txCode: { input_mode: 'numeric', length: 4 } } : {},
    authorization: { requireDpop: true, requireWalletAttestation: false },
    generateRefreshTokens: true,
  })
  response.json({ offer_uri: credentialOffer, tx_code: issuanceSession.userPin ?? null })
})

console.log(JSON.stringify({ port }))
lines.on('close', () => {
  http.close()
  http.closeAllConnections()
})
