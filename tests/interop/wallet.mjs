// A wallet made of somebody else's libraries: takes one offer, verifies what comes, prints one JSON object.
//
//   node wallet.mjs    reads one JSON object from standard input:
//     offer_uri, tx_code, client_id (without it, an anonymous client), copies, anchors (PEM, of the issuer's certificates)
//     dpop: whether tokens are bound to a key
//     attester: {"issuer", "jwk", "x5c"}: who attests the wallet, which then authenticates with that
//     redirect_uri, login: {"username", "password", "decision"}: for the authorization code grant
//     using: "scope" or "authorization_details"
//     refresh: whether the second credential is had with a refreshed token
//     codes: how often the code is exchanged
//     proof: {"type": "jwt" or "attestation", "named": "did:key" or "did:jwk", "provider": {"issuer", "jwk", "x5c"}, "key_storage"}:
//       how keys are proved and named, and who attests them; by default in `jwt` proofs, by themselves, and nobody
//
// Credentials other than SD-JWT VCs are printed as they came. On failure the object has `error`: the step, and what the library saw.

import { text } from 'node:stream/consumers'
import {
  authorizationCodeGrantIdentifier,
  clientAuthenticationAnonymous,
  clientAuthenticationClientAttestationJwt,
  clientAuthenticationNone,
  preAuthorizedCodeGrantIdentifier,
  resourceRequest,
} from '@openid4vc/oauth2'
import { extractScopesForCredentialConfigurationIds, Openid4vciClient, Openid4vciWalletProvider } from '@openid4vc/openid4vci'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import * as jose from 'jose'
import { withChallenge } from './attestation.mjs'
import { decided } from './browser.mjs'
import { certificate, certifiedKey, generateRandom, hash, Keys, newSecret } from './callbacks.mjs'
import { didJwk, didKey } from './dids.mjs'
import { keyAttestation } from './key_attestation.mjs'

const input = JSON.parse(await text(process.stdin))
const keys = new Keys()
// Keys by the DID URLs that name them.
const names = new Map()
const signJwt = (signer, jwt) => keys.signJwt(names.get(signer.didUrl) ?? signer, jwt)
const common = { fetch, hash, generateRandom, signJwt, decryptJwe: () => ({ decrypted: false }) }

async function clientAuthentication() {
  if (!input.client_id) return clientAuthenticationAnonymous()
  if (!input.attester) return clientAuthenticationNone({ clientId: input.client_id })
  const [attester, instance] = [await keys.add(input.attester.jwk), await keys.generate()]
  const clientAttestationJwt = await new Openid4vciWalletProvider({ callbacks: common }).createWalletAttestationJwt({
    clientId: input.client_id,
    issuer: input.attester.issuer,
    confirmation: { jwk: instance.jwk },
    expiresAt: new Date(Date.now() + 600_000),
    walletName: 'TypeScript wallet',
    signer: input.attester.x5c ? { method: 'x5c', alg: 'ES256', x5c: input.attester.x5c } : attester.signer,
  })
  let challenge
  return async (options) => {
    // draft-ietf-oauth-attestation-based-client-auth-07 8: the library knows no challenges.
    const endpoint = options.authorizationServerMetadata.challenge_endpoint
    if (endpoint && challenge === undefined) {
      const response = await fetch(endpoint, { method: 'POST' })
      challenge = (await response.json()).attestation_challenge
    }
    const signJwt = withChallenge(keys.signJwt, challenge)
    await clientAuthenticationClientAttestationJwt({ clientAttestationJwt, callbacks: { ...common, signJwt } })(options)
  }
}

const callbacks = { ...common, clientAuthentication: await clientAuthentication() }
const client = new Openid4vciClient({ callbacks })

// The issuer's key: that of a leaf under one of our anchors, or the one of that kid in the issuer's own metadata.
async function issuerKey(header, issuer) {
  if (header.x5c) {
    const key = certifiedKey(header.x5c, input.anchors)
    if (!certificate(header.x5c[0]).subjectAltName.includes(`URI:${issuer}`)) throw new Error('the leaf is for another issuer')
    return { key, resolution: 'x5c' }
  }
  const { origin, pathname } = new URL(issuer)
  const response = await fetch(`${origin}/.well-known/jwt-vc-issuer${pathname === '/' ? '' : pathname}`)
  const metadata = await response.json()
  if (metadata.issuer !== issuer) throw new Error('the keys are those of another issuer')
  const jwk = metadata.jwks.keys.find((each) => each.kid === header.kid)
  return { key: await jose.importJWK(jwk, header.alg), resolution: 'jwt-vc-issuer' }
}

async function verifyCredential(credential) {
  const header = jose.decodeProtectedHeader(credential.split('~')[0])
  const { iss } = jose.decodeJwt(credential.split('~')[0])
  const { key, resolution } = await issuerKey(header, iss)
  const sdjwt = new SDJwtVcInstance({
    hasher: (data, algorithm) => hash(data, algorithm),
    hashAlg: 'sha-256',
    verifier: async (data, signature) => {
      await jose.compactVerify(`${data}.${signature}`, key, { algorithms: ['ES256'] })
      return true
    },
  })
  const { payload } = await sdjwt.verify(credential)
  const decoded = await sdjwt.decode(credential)
  return {
    typ: header.typ,
    resolution,
    claims: payload,
    disclosed: decoded.disclosures.map((disclosure) => disclosure.key),
    holder: await jose.calculateJwkThumbprint(payload.cnf.jwk),
  }
}

const detail = (id) => ({ type: 'openid_credential', credential_configuration_id: id })

// A request as `using` says, its URL, and what must be remembered of it.
async function authorizationRequest(credentialOffer, issuerMetadata, dpop) {
  const configurationIds = credentialOffer.credential_configuration_ids
  const request = { clientId: input.client_id, redirectUri: input.redirect_uri, dpop }
  if (input.using !== 'authorization_details') {
    const scopes = extractScopesForCredentialConfigurationIds({ issuerMetadata, credentialConfigurationIds: configurationIds })
    return await client.initiateAuthorization({ ...request, credentialOffer, issuerMetadata, scope: scopes.join(' ') })
  }
  // This class sends no `state` (RFC 6749 4.1.1); the client within does.
  const state = newSecret()
  const made = await client.oauth2Client.createAuthorizationRequestUrl({
    ...request,
    state,
    authorizationServerMetadata: issuerMetadata.authorizationServers[0],
    additionalRequestPayload: {
      authorization_details: JSON.stringify(configurationIds.map(detail)),
      issuer_state: credentialOffer.grants[authorizationCodeGrantIdentifier].issuer_state,
    },
  })
  return { ...made, state }
}

async function authorizationCodeToken(credentialOffer, issuerMetadata, dpop) {
  step = 'authorization request'
  const made = await authorizationRequest(credentialOffer, issuerMetadata, dpop)
  asked = new URL(made.authorizationRequestUrl).searchParams
  step = 'login'
  const url = await decided(made.authorizationRequestUrl, input.login)
  step = 'authorization response'
  const authorizationServerMetadata = issuerMetadata.authorizationServers[0]
  const response = client.parseAndVerifyAuthorizationResponseRedirectUrl({ url, authorizationServerMetadata })
  if (response.state !== made.state) throw new Error('the state is another one')
  if (response.error) throw Object.assign(new Error('the person refused'), { errorResponse: response })
  const exchange = () =>
    client.retrieveAuthorizationCodeAccessTokenFromOffer({
      issuerMetadata,
      credentialOffer,
      authorizationCode: response.code,
      pkceCodeVerifier: made.pkce.codeVerifier,
      redirectUri: input.redirect_uri,
      dpop: made.dpop,
    })
  step = 'token'
  for (let i = 1; i < (input.codes ?? 1); i++) await exchange()
  return await exchange()
}

function preAuthorizedCodeToken(credentialOffer, issuerMetadata, dpop) {
  step = 'token'
  return client.retrievePreAuthorizedCodeAccessTokenFromOffer({ credentialOffer, issuerMetadata, txCode: input.tx_code, dpop })
}

async function retrieve(issuerMetadata, credentialConfigurationId, token, proofs) {
  const { accessTokenResponse, dpop } = token
  const details = accessTokenResponse.authorization_details ?? []
  const granted = details.find((each) => each.credential_configuration_id === credentialConfigurationId)
  const accessToken = accessTokenResponse.access_token
  if (granted === undefined) {
    const common = { issuerMetadata, credentialConfigurationId, accessToken, proofs, dpop }
    return (await client.retrieveCredentials(common)).credentialResponse
  }
  // OID4VCI 8.2: `credential_identifier`, and no `credential_configuration_id`, once the token response has identifiers. The
  // library's client only ever sends the latter.
  const { response } = await resourceRequest({
    callbacks,
    dpop,
    accessToken,
    url: issuerMetadata.credentialIssuer.credential_endpoint,
    requestOptions: {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ credential_identifier: granted.credential_identifiers[0], proofs }),
    },
  })
  const body = await response.json()
  if (!response.ok) throw Object.assign(new Error('no credential'), { errorResponse: body })
  return body
}

function refreshed(issuerMetadata, { accessTokenResponse, dpop }) {
  return client.oauth2Client.retrieveRefreshTokenAccessToken({
    authorizationServerMetadata: issuerMetadata.authorizationServers[0],
    refreshToken: accessTokenResponse.refresh_token,
    dpop,
  })
}

// A key, as its proof names it.
async function holder() {
  const key = await keys.generate()
  const named = input.proof?.named
  if (named === undefined) return key
  const didUrl = named === 'did:jwk' ? didJwk(key.jwk) : await didKey(key.jwk)
  names.set(didUrl, key.signer)
  return { ...key, did: didUrl.split('#')[0], signer: { method: 'did', alg: 'ES256', didUrl } }
}

// `proofs` of the Credential Request: one of each key, or one for all that are attested together.
async function proofsOf(holders, issuerMetadata, credentialConfigurationId, nonce) {
  const { type = 'jwt', provider, key_storage: keyStorage } = input.proof ?? {}
  let keyAttestationJwt
  if (provider) {
    await keys.add(provider.jwk)
    const jwks = holders.map(({ jwk }) => jwk)
    const made = { use: type, attester: provider, jwks, nonce, keyStorage, userAuthentication: ['iso_18045_moderate'] }
    keyAttestationJwt = await keyAttestation({ ...made, callbacks: common })
    if (type === 'attestation') return { attestation: [keyAttestationJwt] }
  }
  const proving = provider ? holders.slice(0, 1) : holders
  const proofs = await Promise.all(
    proving.map(({ signer }) =>
      client.createCredentialRequestJwtProof({
        issuerMetadata,
        credentialConfigurationId,
        nonce,
        clientId: input.client_id,
        signer,
        keyAttestationJwt,
      })
    )
  )
  return { jwt: proofs.map(({ jwt }) => jwt) }
}

let step = 'offer'
let asked = new URLSearchParams()
try {
  const credentialOffer = await client.resolveCredentialOffer(input.offer_uri)
  step = 'metadata'
  const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
  const dpop = input.dpop ? { signer: (await keys.generate()).signer } : undefined
  const { grants, credential_configuration_ids: configurationIds } = credentialOffer
  const tokenOf = grants[preAuthorizedCodeGrantIdentifier] ? preAuthorizedCodeToken : authorizationCodeToken
  let token = await tokenOf(credentialOffer, issuerMetadata, dpop)
  const tokenType = token.accessTokenResponse.token_type
  const issued = []
  for (const credentialConfigurationId of configurationIds) {
    if (input.refresh && issued.length > 0) {
      step = 'refresh'
      token = await refreshed(issuerMetadata, token)
    }
    step = 'nonce'
    const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata })
    step = 'credential'
    const holders = await Promise.all(Array.from({ length: input.copies }, holder))
    const proofs = await proofsOf(holders, issuerMetadata, credentialConfigurationId, nonce)
    const { credentials } = await retrieve(issuerMetadata, credentialConfigurationId, token, proofs)
    step = 'verification'
    const { format } = issuerMetadata.credentialIssuer.credential_configurations_supported[credentialConfigurationId]
    issued.push({
      configuration: credentialConfigurationId,
      holders: holders.map(({ thumbprint }) => thumbprint),
      dids: holders.map(({ did }) => did),
      proved: Object.keys(proofs),
      credentials: await Promise.all(
        credentials.map(({ credential }) => (format === 'dc+sd-jwt' ? verifyCredential(credential) : { credential }))
      ),
    })
  }
  const version = issuerMetadata.originalDraftVersion
  const txCode = grants[preAuthorizedCodeGrantIdentifier]?.tx_code ?? null
  const result = { version, tx_code: txCode, asked: Object.fromEntries(asked), token_type: tokenType, issued }
  console.log(JSON.stringify(result))
} catch (error) {
  const code = error.errorResponse?.error ?? error.response?.credentialErrorResponseResult?.data?.error ?? null
  console.log(JSON.stringify({ error: { step, name: error.constructor.name, code, message: String(error.message) } }))
}
