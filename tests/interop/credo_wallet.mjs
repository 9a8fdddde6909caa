// Credo as a wallet: takes one offer, verifies what comes, prints one JSON object.
//
//   node credo_wallet.mjs    reads one JSON object from standard input:
//     offer_uri, tx_code, copies, anchors (PEM, of the issuer's certificates)
//     client_id, redirect_uri, login: {"username", "password", "decision"}: for the authorization code grant
//     attester: {"issuer", "jwk", "x5c"}: who attests the wallet, which then authenticates with that
//     provider: {"issuer", "jwk", "x5c"}, key_storage: who attests the keys, and how they are kept
//     named: "did:key" or "did:jwk": how keys are named, by default by themselves
//     refresh: whether the credentials are had with a refreshed token
//     polls: how often it asks for what is deferred, each time after the interval that it is told
//     notify: the event that the issuer is told of each credential
//
// On failure the object has `error`: the step, and the code that the server gave.

import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { ClaimFormat } from '@credo-ts/core'
import { OpenId4VcModule } from '@credo-ts/openid4vc'
import { Openid4vciWalletProvider } from '@openid4vc/openid4vci'
import { decided } from './browser.mjs'
import { hash, Keys } from './callbacks.mjs'
import { credo, generated } from './credo.mjs'
import { keyAttestation } from './key_attestation.mjs'

const input = JSON.parse(await text(process.stdin))
const agent = await credo({ openid4vc: new OpenId4VcModule({}) }, input.anchors)
const wallet = agent.openid4vc.holder
const clientId = input.client_id
const walletAttestationJwt = input.attester && (await attestation(input.attester))

async function attestation({ issuer, jwk, x5c }) {
  const [provider, instance] = [new Keys(), await generated(agent)]
  await provider.add(jwk)
  return await new Openid4vciWalletProvider({ callbacks: { hash, signJwt: provider.signJwt } }).createWalletAttestationJwt({
    clientId,
    issuer,
    confirmation: { jwk: instance.toJson() },
    expiresAt: new Date(Date.now() + 600_000),
    signer: { method: 'x5c', alg: 'ES256', x5c },
  })
}

let step = 'offer'

async function session(resolvedCredentialOffer) {
  const common = { resolvedCredentialOffer, walletAttestationJwt }
  if (!input.login) {
    step = 'token'
    return await wallet.requestToken({ ...common, txCode: input.tx_code })
  }
  step = 'authorization request'
  const { redirect_uri: redirectUri } = input
  const made = await wallet.resolveOpenId4VciAuthorizationRequest(resolvedCredentialOffer, {
    clientId,
    redirectUri,
    walletAttestationJwt,
  })
  step = 'login'
  const url = await decided(made.authorizationRequestUrl, input.login)
  step = 'authorization response'
  const { authorizationCode: code } = wallet.parseAuthorizationCodeFromAuthorizationResponse({
    authorizationResponseRedirectUrl: url,
    resolvedCredentialOffer,
  })
  step = 'token'
  const { codeVerifier, dpop } = made
  return await wallet.requestToken({ ...common, code, clientId, codeVerifier, redirectUri, dpop })
}

async function refreshed({ metadata }, { refreshToken, dpop }) {
  step = 'refresh'
  return await wallet.refreshToken({ refreshToken, issuerMetadata: metadata, clientId, walletAttestationJwt, dpop })
}

const holders = {}

// What credentials are bound to: new keys, by themselves, by DIDs, or attested together.
async function binding({ credentialConfigurationId, cNonce, proofTypes }) {
  const keys = await Promise.all(Array.from({ length: input.copies }, () => generated(agent)))
  holders[credentialConfigurationId] = keys.map((key) => Buffer.from(key.getJwkThumbprint()).toString('base64url'))
  if (input.named) {
    const method = input.named.slice('did:'.length)
    const made = await Promise.all(keys.map(({ keyId }) => agent.dids.create({ method, options: { keyId } })))
    const didUrls = made.map(({ didState }) => didState.didDocument.verificationMethod[0].id)
    holders[credentialConfigurationId] = made.map(({ didState }) => didState.did)
    return { method: 'did', didUrls }
  }
  if (!input.provider) return { method: 'jwk', keys }
  const provider = new Keys()
  await provider.add(input.provider.jwk)
  const keyAttestationJwt = await keyAttestation({
    use: proofTypes.attestation ? 'attestation' : 'jwt',
    attester: input.provider,
    // With `kid`, so that Credo knows its own keys again.
    jwks: keys.map((key) => key.toJson()),
    nonce: cNonce,
    keyStorage: input.key_storage,
    userAuthentication: ['iso_18045_moderate'],
    callbacks: { hash, signJwt: provider.signJwt },
  })
  return { method: 'attestation', keyAttestationJwt }
}

// The credentials of a record, which Credo has verified.
async function shown({ record, credentialConfigurationId: configuration, notificationId }) {
  const credentials = record.credentialInstances.map((instance) => {
    if (instance.compactSdJwtVc) {
      const { claimFormat, prettyClaims: claims, header } = agent.sdJwtVc.fromCompact(instance.compactSdJwtVc)
      return { format: claimFormat, typ: header.typ, claims }
    }
    if (instance.issuerSignedBase64Url) return { format: ClaimFormat.MsoMdoc, issuer_signed: instance.issuerSignedBase64Url }
    return { format: ClaimFormat.JwtVc, credential: instance.credential }
  })
  return { configuration, credentials, holders: holders[configuration], notification_id: notificationId }
}

async function later(deferred, token, resolved) {
  step = 'deferred'
  const answers = []
  let { interval } = deferred
  for (let i = 0; i < input.polls; i++) {
    await wait(interval * 1000)
    const { accessToken, dpop } = token
    const answer = await wallet.requestDeferredCredentials({ ...deferred, issuerMetadata: resolved.metadata, accessToken, dpop })
    answers.push(answer)
    if (answer.credentials.length) break
    interval = answer.deferredCredentials[0].interval
  }
  return answers
}

async function take() {
  const resolved = await wallet.resolveCredentialOffer(input.offer_uri)
  let token = await session(resolved)
  if (input.refresh) token = { ...token, ...(await refreshed(resolved, token)) }
  step = 'credential'
  const { accessToken, dpop, accessTokenResponse } = token
  const got = await wallet.requestCredentials({
    resolvedCredentialOffer: resolved,
    accessToken,
    dpop,
    clientId,
    credentialBindingResolver: binding,
  })
  const polled = []
  for (const deferred of got.deferredCredentials) polled.push(...(await later(deferred, token, resolved)))
  const responses = [...got.credentials, ...polled.flatMap(({ credentials }) => credentials)]
  const issued = await Promise.all(responses.map(shown))
  step = 'notification'
  for (const { notificationId } of input.notify ? responses : []) {
    const notified = { notificationId, notificationEvent: input.notify, accessToken, dpop }
    await wallet.sendNotification({ metadata: resolved.metadata, ...notified })
  }
  const waits = polled.flatMap(({ deferredCredentials }) => deferredCredentials.map(({ interval }) => interval))
  return { issued, token_type: accessTokenResponse.token_type, deferred: got.deferredCredentials.length, waits }
}

// Errors wrap one another.
function code(error) {
  for (let each = error; each; each = each.cause) {
    const found = each.errorResponse?.error ?? each.response?.credentialErrorResponseResult?.data?.error
    if (found) return found
  }
  return null
}

try {
  console.log(JSON.stringify(await take()))
} catch (error) {
  console.log(JSON.stringify({ error: { step, code: code(error), message: String(error) } }))
}
await agent.shutdown()
