// DPoP proofs, client attestations and code challenges, made and verified by somebody else's library.
//
// Reads one JSON object from standard input and prints one:
//   {"make": {...}}: the requests that a client of the library sends, as {method, url, headers, body}
//   {"verify": {name: {...}}}: by name what an authorization server of the library says: {"ok": ...} or {"error": message}

import { text } from 'node:stream/consumers'
import {
  clientAuthenticationClientAttestationJwt,
  createClientAttestationJwt,
  Oauth2AuthorizationServer,
  Oauth2Client,
  resourceRequest,
} from '@openid4vc/oauth2'
import { verifyClientAttestation, withChallenge } from './attestation.mjs'
import { generateRandom, hash, Keys, verifyJwt } from './callbacks.mjs'

async function make({ issuer, attester, client_id: clientId, nonce, challenge, access_token: accessToken }) {
  const keys = new Keys()
  const [dpop, instance] = [await keys.generate(), await keys.generate()]
  const attesterKey = await keys.add(attester.jwk)
  const clientAttestationJwt = await createClientAttestationJwt({
    callbacks: { signJwt: keys.signJwt },
    issuer: attester.issuer,
    clientId,
    confirmation: { jwk: instance.jwk },
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + 600_000),
    signer: attester.x5c ? { method: 'x5c', alg: 'ES256', x5c: attester.x5c } : attesterKey.signer,
  })
  const requests = {}

  // A client whose requests go nowhere: what it would have sent is kept under a name.
  async function send(name, challenge, action) {
    const callbacks = {
      hash,
      generateRandom,
      signJwt: keys.signJwt,
      fetch: async (url, { method, headers, body }) => {
        requests[name] = { method, url, headers: [...new Headers(headers)], body: body ?? '' }
        return Response.json({ error: 'server_error' }, { status: 400 })
      },
    }
    callbacks.clientAuthentication = clientAuthenticationClientAttestationJwt({
      callbacks: { ...callbacks, signJwt: withChallenge(keys.signJwt, challenge) },
      clientAttestationJwt,
    })
    try {
      return await action(new Oauth2Client({ callbacks }), callbacks)
    } catch (error) {
      if (requests[name] === undefined) throw error
    }
  }

  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    code_challenge_methods_supported: ['S256'],
  }
  const request = { clientId, redirectUri: 'https://wallet.example/cb', dpop: { signer: dpop.signer, nonce } }
  const pushing = { ...metadata, pushed_authorization_request_endpoint: `${issuer}/par` }
  await send('par', challenge, (client) =>
    client.createAuthorizationRequestUrl({ ...request, authorizationServerMetadata: pushing })
  )
  const token = { ...request, authorizationServerMetadata: metadata, preAuthorizedCode: 'code' }
  await send('token', challenge, (client) => client.retrievePreAuthorizedCodeAccessToken(token))
  await send('without challenge', undefined, (client) => client.retrievePreAuthorizedCodeAccessToken(token))
  await send('credential', challenge, (_, callbacks) =>
    resourceRequest({
      callbacks,
      url: `${issuer}/credential?page=1`,
      accessToken,
      dpop: { signer: dpop.signer, nonce },
      requestOptions: { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
    })
  )
  const { authorizationRequestUrl, pkce } = await send('authorize', challenge, (client) =>
    client.createAuthorizationRequestUrl({ ...request, authorizationServerMetadata: metadata })
  )
  const thumbprints = { dpop: dpop.thumbprint, instance: instance.thumbprint }
  return { requests, thumbprints, authorization_request_url: authorizationRequestUrl, code_verifier: pkce.codeVerifier }
}

async function verify(task) {
  const callbacks = { hash, generateRandom, verifyJwt: verifyJwt(task.trust ?? {}) }
  const server = new Oauth2AuthorizationServer({ callbacks })
  if (task.dpop !== undefined) {
    const { method, url, nonce, access_token: accessToken, jkt } = task
    const { jwkThumbprint } = await server.verifyDpopJwt({
      dpopJwt: task.dpop,
      request: { method, url, headers: new Headers() },
      expectedNonce: nonce,
      accessToken,
      expectedJwkThumbprint: jkt,
      allowedSigningAlgs: ['ES256', 'ES384', 'EdDSA'],
    })
    return jwkThumbprint
  }
  if (task.draft === 7) return verifyClientAttestation({ ...task, callbacks })
  if (task.attestation !== undefined) {
    const { clientAttestation, clientAttestationPop } = await server.verifyClientAttestation({
      authorizationServer: task.issuer,
      clientAttestationJwt: task.attestation,
      clientAttestationPopJwt: task.pop,
    })
    return { attestation: clientAttestation.payload, pop: clientAttestationPop.payload }
  }
  const { code_verifier: codeVerifier, code_challenge: codeChallenge } = task
  await server.verifyAuthorizationCodeAccessTokenRequest({
    authorizationServerMetadata: { issuer: 'https://server.example', token_endpoint: 'https://server.example/token' },
    request: { method: 'POST', url: 'https://server.example/token', headers: new Headers() },
    grant: { grantType: 'authorization_code', code: 'code' },
    expectedCode: 'code',
    pkce: { codeVerifier, codeChallenge, codeChallengeMethod: 'S256' },
  })
  return true
}

const input = JSON.parse(await text(process.stdin))
if (input.make !== undefined) {
  console.log(JSON.stringify(await make(input.make)))
} else {
  const answers = {}
  for (const [name, task] of Object.entries(input.verify)) {
    answers[name] = await verify(task).then(
      (ok) => ({ ok }),
      (error) => ({ error: String(error.errorResponse?.error_description ?? error.message) })
    )
  }
  console.log(JSON.stringify(answers))
}
