// A wallet made of somebody else's libraries, at an issuer that defers: it takes one offer, and comes for what was promised.
//
// Reads one JSON object from standard input:
//   offer_uri, identifier (of the issuer), url (where its requests go instead), client_id, copies, polls
//   dpop: whether tokens are bound to a key
// and prints one: {"promise": {transaction_id, interval}, "holders": thumbprints, "polls": [{status, body}]}

import { text } from 'node:stream/consumers'
import { clientAuthenticationNone } from '@openid4vc/oauth2'
import { Openid4vciClient } from '@openid4vc/openid4vci'
import { generateRandom, hash, Keys } from './callbacks.mjs'

const input = JSON.parse(await text(process.stdin))
const keys = new Keys()

function redirected(url, options) {
  const { origin } = new URL(input.identifier)
  if (!String(url).startsWith(`${origin}/`)) throw new Error(`this leads elsewhere: ${url}`)
  return fetch(String(url).replace(origin, input.url), options)
}

const client = new Openid4vciClient({
  callbacks: {
    fetch: redirected,
    hash,
    generateRandom,
    signJwt: keys.signJwt,
    decryptJwe: () => ({ decrypted: false }),
    clientAuthentication: clientAuthenticationNone({ clientId: input.client_id }),
  },
})

const credentialOffer = await client.resolveCredentialOffer(input.offer_uri)
const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
const [credentialConfigurationId] = credentialOffer.credential_configuration_ids
const bound = input.dpop ? { signer: (await keys.generate()).signer } : undefined
const { accessTokenResponse, dpop } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
  credentialOffer,
  issuerMetadata,
  dpop: bound,
})
const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata })
const holders = await Promise.all(Array.from({ length: input.copies }, () => keys.generate()))
const proofs = await Promise.all(
  holders.map(({ signer }) =>
    client.createCredentialRequestJwtProof({ issuerMetadata, credentialConfigurationId, nonce, clientId: input.client_id, signer })
  )
)
const common = { issuerMetadata, accessToken: accessTokenResponse.access_token, dpop }
const { credentialResponse: promise } = await client.retrieveCredentials({
  ...common,
  credentialConfigurationId,
  proofs: { jwt: proofs.map(({ jwt }) => jwt) },
})

const polls = []
for (let i = 0; i < input.polls; i++) {
  try {
    const asked = { ...common, transactionId: promise.transaction_id }
    const { response, deferredCredentialResponse: body } = await client.retrieveDeferredCredentials(asked)
    polls.push({ status: response.status, body })
  } catch (error) {
    const { response } = error.response ?? {}
    if (response === undefined) throw error
    polls.push({ status: response.status, body: await response.clone().json() })
  }
}
console.log(JSON.stringify({ promise, holders: holders.map(({ thumbprint }) => thumbprint), polls }))
