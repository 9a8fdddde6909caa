// A credential issuer with its authorization server, made of somebody else's libraries, over HTTP on the loopback interface.
//
//   node issuer.mjs    prints {"port": ...} once it listens, ends with standard input, whose first line is a JSON object:
//     identifier: of both, an https URL; the paths after it are those of the URLs that are asked for here
//     signing: {"jwk", "x5c"}, the issuer's private key and certificates
//     anchors: PEM, whose attestations of wallets are believed
//     challenge_endpoint: whether there is one; else challenges are in refusals only
//     deferred_polls: if it is there, credentials are deferred, and so many requests for them come too early
//
// POST /offers makes an offer: {"grant", "configuration_ids", "tx_code"}.

import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import {
  decodeJwt,
  Oauth2ResourceServer,
  Oauth2ResourceUnauthorizedError,
  Oauth2ServerErrorResponseError,
  preAuthorizedCodeGrantIdentifier,
} from '@openid4vc/oauth2'
import { Openid4vciIssuer } from '@openid4vc/openid4vci'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import * as jose from 'jose'
import { AuthorizationServer, credentialIdentifier, DpopNonces, Refused } from './authorization-server.mjs'
import { generateRandom, hash, Keys, newSecret, verifyJwt } from './callbacks.mjs'

const lines = createInterface({ input: process.stdin })
const input = JSON.parse((await lines[Symbol.asyncIterator]().next()).value)
const { identifier, signing } = input
const DAY = 86_400
const CLAIMS = { given_name: 'Ada', birthdate: '1992-02-29', level: 'gold' }

const keys = new Keys()
const signingKey = await keys.add(signing.jwk)
const tokenKey = await keys.generate()
const callbacks = {
  hash,
  generateRandom,
  signJwt: keys.signJwt,
  verifyJwt: verifyJwt({ anchors: input.anchors }),
  clientAuthentication: () => {},
  // Our own keys, which need no way through the network.
  fetch: async (url) => (url === `${identifier}/jwks` ? Response.json(jwks()) : new Response(null, { status: 404 })),
}
const jwks = () => ({ keys: [{ ...tokenKey.jwk, use: 'sig', alg: 'ES256' }] })

function configuration(name, title) {
  return {
    format: 'dc+sd-jwt',
    vct: `https://credentials.example.com/${name}`,
    scope: `${name}_scope`,
    cryptographic_binding_methods_supported: ['jwk'],
    credential_signing_alg_values_supported: ['ES256'],
    proof_types_supported: { jwt: { proof_signing_alg_values_supported: ['ES256'] } },
    credential_metadata: { display: [{ name: title, locale: 'en' }], claims: [{ path: ['given_name'] }] },
  }
}

const issuer = new Openid4vciIssuer({ callbacks })
const credentialIssuer = issuer.createCredentialIssuerMetadata({
  credential_issuer: identifier,
  credential_endpoint: `${identifier}/credential`,
  nonce_endpoint: `${identifier}/nonce`,
  ...(input.deferred_polls === undefined ? {} : { deferred_credential_endpoint: `${identifier}/deferred` }),
  batch_credential_issuance: { batch_size: 3 },
  display: [{ name: 'TypeScript issuer', locale: 'en' }],
  notification_endpoint: `${identifier}/notification`,
  credential_configurations_supported: {
    with_x5c: configuration('with_x5c', 'Certified'),
    with_metadata: configuration('with_metadata', 'Published'),
  },
})
const nonces = new DpopNonces()
const server = new AuthorizationServer({
  identifier,
  callbacks,
  nonces,
  signer: tokenKey.signer,
  scopes: { with_x5c_scope: ['with_x5c'], with_metadata_scope: ['with_metadata'] },
  challengeEndpoint: input.challenge_endpoint,
})
const issuerMetadata = {
  originalDraftVersion: 'V1',
  credentialIssuer,
  authorizationServers: [server.metadata],
  knownCredentialConfigurations: issuer.getKnownCredentialConfigurationsSupported(credentialIssuer),
}
const resourceServer = new Oauth2ResourceServer({ callbacks })
const credentialNonces = new Map()
const transactions = new Map()

// RFC 9110 11.2, RFC 6750 3: what the library makes of its errors has line breaks in `error_description`, and names that
// have no value.
function challenged(errors) {
  const value = errors.map(({ scheme, error }) => (error ? `${scheme} error="${error}"` : scheme)).join(', ')
  return { 'WWW-Authenticate': value }
}

async function authorized(request) {
  const { tokenPayload, accessToken } = await resourceServer.verifyResourceRequest({
    authorizationServers: [server.metadata],
    request,
    resourceServer: identifier,
    allowedAuthenticationSchemes: ['DPoP'],
  })
  if (!nonces.take(request.headers.get('DPoP'))) {
    // RFC 9449 9
    const headers = challenged([{ scheme: 'DPoP', error: 'use_dpop_nonce' }])
    throw new Refused(401, {}, { ...headers, 'DPoP-Nonce': nonces.new() })
  }
  return { tokenPayload, accessToken }
}

// What the request is for, if the token is: OID4VCI 8.2.
function ordered(parsed, tokenPayload) {
  const granted = tokenPayload.configuration_ids
  const { credentialConfigurationId: id, credentialIdentifier: dataset } = parsed
  const found = granted.find((each) => each === id || credentialIdentifier(each) === dataset)
  if (found === undefined) throw new Refused(400, { error: 'invalid_credential_request' })
  return found
}

async function holderKey(jwt, clientId) {
  const { nonce } = decodeJwt({ jwt }).payload
  const expiresAt = credentialNonces.get(nonce)
  if (expiresAt === undefined) throw new Refused(400, { error: 'invalid_nonce' })
  const { signer } = await issuer.verifyCredentialRequestJwtProof({
    issuerMetadata,
    jwt,
    clientId,
    expectedNonce: nonce,
    nonceExpiresAt: expiresAt,
  })
  return { jwk: signer.publicJwk, nonce }
}

const sdjwt = new SDJwtVcInstance({
  hasher: (data, algorithm) => hash(data, algorithm),
  hashAlg: 'sha-256',
  saltGenerator: () => newSecret().slice(0, 22),
  signAlg: 'ES256',
  signer: async (data) => {
    const [header, payload] = data.split('.').map((part) => Buffer.from(part, 'base64url'))
    const signed = await new jose.CompactSign(payload).setProtectedHeader(JSON.parse(header)).sign(privateKey)
    return signed.split('.')[2]
  },
})
const privateKey = await jose.importJWK(signing.jwk, 'ES256')

async function credential(configurationId, jwk) {
  const now = Math.floor(Date.now() / 1000)
  const { vct } = credentialIssuer.credential_configurations_supported[configurationId]
  const payload = { iss: identifier, iat: now, exp: now + DAY, vct, cnf: { jwk }, ...CLAIMS }
  const header = configurationId === 'with_x5c' ? { x5c: signing.x5c } : { kid: signingKey.thumbprint }
  return await sdjwt.issue(payload, { _sd: Object.keys(CLAIMS) }, { header })
}

async function issue(request, body) {
  const { tokenPayload } = await authorized(request)
  const parsed = issuer.parseCredentialRequest({ credentialRequest: body, issuerMetadata })
  const configurationId = ordered(parsed, tokenPayload)
  const proofs = await Promise.all((parsed.proofs?.jwt ?? []).map((jwt) => holderKey(jwt, tokenPayload.client_id)))
  if (proofs.length === 0) throw new Refused(400, { error: 'invalid_proof' })
  for (const { nonce } of proofs) credentialNonces.delete(nonce)
  const order = { subject: tokenPayload.sub, configurationId, jwks: proofs.map(({ jwk }) => jwk), polls: input.deferred_polls }
  if (order.polls === undefined) {
    const credentials = await credentialsFor(order)
    return issuer.createCredentialResponse({ credentialRequest: parsed, credentials, notificationId: newNotificationId() })
  }
  const transactionId = newSecret()
  transactions.set(transactionId, order)
  throw new Refused(202, issuer.createCredentialResponse({ credentialRequest: parsed, transactionId, interval: 1 }))
}

async function credentialsFor({ configurationId, jwks }) {
  const credentials = []
  for (const jwk of jwks) credentials.push({ credential: await credential(configurationId, jwk) })
  return credentials
}

async function issueLater(request, body) {
  const { tokenPayload } = await authorized(request)
  const { deferredCredentialRequest } = issuer.parseDeferredCredentialRequest({ deferredCredentialRequest: body })
  const { transaction_id: transactionId } = deferredCredentialRequest
  const order = transactions.get(transactionId)
  if (order?.subject !== tokenPayload.sub) throw new Refused(400, { error: 'invalid_transaction_id' })
  if (order.polls-- > 0) throw new Refused(202, issuer.createDeferredCredentialResponse({ transactionId, interval: 1 }))
  transactions.delete(transactionId)
  const credentials = await credentialsFor(order)
  // OID4VCI 9.2: the library takes no `notificationId` here, as if there were no credentials.
  return { ...issuer.createDeferredCredentialResponse({ credentials }), notification_id: newNotificationId() }
}

async function offer({ grant, configuration_ids: credentialConfigurationIds, tx_code: txCode }) {
  const given = { [preAuthorizedCodeGrantIdentifier]: undefined, authorization_code: { issuer_state: newSecret() } }
  if (grant !== 'authorization_code') {
    delete given.authorization_code
    given[preAuthorizedCodeGrantIdentifier] = {
      'pre-authorized_code': server.preAuthorize(credentialConfigurationIds, txCode),
      ...(txCode ? { tx_code: { input_mode: 'numeric', length: txCode.length } } : {}),
    }
  }
  const made = await issuer.createCredentialOffer({ issuerMetadata, credentialConfigurationIds, grants: given })
  return { offer_uri: made.credentialOffer }
}

function nonce() {
  const cNonce = newSecret()
  credentialNonces.set(cNonce, new Date(Date.now() + 60_000))
  return issuer.createNonceResponse({ cNonce })
}

// What wallets said of the credentials of each response, by its id.
const notifications = new Map()

function newNotificationId() {
  const id = newSecret()
  notifications.set(id, [])
  return id
}

// OID4VCI 11; the library has no issuer's side of it. What was said so far is the answer.
async function notified(request, { notification_id: id, ...event }) {
  await authorized(request)
  const events = notifications.get(id)
  if (events === undefined) throw new Refused(400, { error: 'invalid_notification_id' })
  events.push(event)
  return { events }
}

const form = (body) => Object.fromEntries(new URLSearchParams(body.toString()))
const json = (body) => JSON.parse(body.toString())
const jwtVcIssuer = { issuer: identifier, jwks: { keys: [{ ...signingKey.jwk, kid: signingKey.thumbprint, alg: 'ES256' }] } }
const routes = {
  'GET /.well-known/openid-credential-issuer': () => credentialIssuer,
  'GET /.well-known/oauth-authorization-server': () => server.metadata,
  'GET /.well-known/jwt-vc-issuer': () => jwtVcIssuer,
  'GET /jwks': jwks,
  'POST /nonce': nonce,
  'POST /par': (request, body) => server.push(request, form(body)),
  'POST /token': (request, body) => server.token(request, form(body)),
  'POST /credential': (request, body) => issue(request, json(body)),
  'POST /deferred': (request, body) => issueLater(request, json(body)),
  'POST /offers': (_, body) => offer(json(body)),
  'POST /notification': (request, body) => notified(request, json(body)),
  'GET /authorize': ({ url }) => {
    throw new Refused(302, {}, { location: server.authorize(Object.fromEntries(new URL(url).searchParams)) })
  },
}
if (input.challenge_endpoint) routes['POST /challenge'] = () => ({ attestation_challenge: server.challenge() })
// RFC 9126 2.2
const CREATED = '/par'
// What a good answer brings for the next request: RFC 9449 8.2.
const next = {
  '/par': () => server.next(),
  '/token': () => server.next(),
  '/credential': () => ({ 'DPoP-Nonce': nonces.new() }),
  '/notification': () => ({ 'DPoP-Nonce': nonces.new() }),
}

async function answer({ method, url, rawHeaders }, body) {
  const { pathname } = new URL(url, identifier)
  const route = routes[`${method} ${pathname}`]
  if (route === undefined) return { status: 404, body: {}, headers: {} }
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name, rawHeaders[i + 1]]]))
  try {
    const found = await route({ method, url: `${identifier}${url}`, headers: new Headers(pairs) }, body)
    return { status: pathname === CREATED ? 201 : 200, body: found, headers: next[pathname]?.() ?? {} }
  } catch (error) {
    if (error instanceof Refused) return error
    if (error instanceof Oauth2ServerErrorResponseError) return { status: error.status, body: error.errorResponse, headers: {} }
    if (error instanceof Oauth2ResourceUnauthorizedError) {
      return { status: 401, body: {}, headers: challenged(error.wwwAuthenticateHeaders) }
    }
    console.error(error)
    return { status: 500, body: { error: 'server_error' }, headers: {} }
  }
}

const http = createServer(async (request, response) => {
  const { status, body, headers } = await answer(request, await buffer(request))
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
  response.end(JSON.stringify(body))
})
http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: http.address().port })))
lines.on('close', () => {
  http.close()
  http.closeAllConnections()
})
