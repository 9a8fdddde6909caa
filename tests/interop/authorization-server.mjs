// An authorization server made of somebody else's library. What the library leaves to its application is done here: which
// nonces and challenges are good, that a proof serves once and soon, to whom codes and tokens belong.

import {
  authorizationCodeGrantIdentifier,
  decodeJwt,
  Oauth2AuthorizationServer,
  Oauth2ServerErrorResponseError,
  parsePushedAuthorizationRequestUriReferenceValue,
  preAuthorizedCodeGrantIdentifier,
  pushedAuthorizationRequestUriPrefix,
  refreshTokenGrantIdentifier,
} from '@openid4vc/oauth2'
import * as jose from 'jose'
import { verifyClientAttestation } from './attestation.mjs'
import { newSecret } from './callbacks.mjs'

const ALGORITHMS = ['ES256']
const MAX_AGE = 300
const METHOD = 'attest_jwt_client_auth'

// An answer that is no success, thrown from wherever it is found.
export class Refused extends Error {
  constructor(status, body, headers = {}) {
    super(JSON.stringify(body))
    Object.assign(this, { status, body, headers })
  }
}

const refused = (error, description) => new Oauth2ServerErrorResponseError({ error, error_description: description })
const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000)

// RFC 9449 4.3 (10, 11), 8, 11.1: the library checks neither the age nor the reuse of a proof, and nonces only if it is called
// for each proof by itself. A nonce serves once, and each good answer brings the next one.
export class DpopNonces {
  #nonces = new Set()
  #used = new Set()

  new() {
    const nonce = newSecret()
    this.#nonces.add(nonce)
    return nonce
  }

  // Takes the nonce of a proof that the library has found good, or will; false if it must be another one.
  take(jwt) {
    const { nonce, jti, iat } = decodeJwt({ jwt }).payload
    if (!this.#nonces.delete(nonce)) return false
    if (this.#used.has(jti) || Math.abs(Date.now() / 1000 - iat) > MAX_AGE) {
      throw refused('invalid_dpop_proof', 'the proof is old or was used before')
    }
    this.#used.add(jti)
    return true
  }
}

export class AuthorizationServer {
  #pushed = new Map()
  #grants = new Map()
  #refreshTokens = new Map()
  #challenges = new Set()
  #usedProofs = new Set()

  constructor({ identifier, callbacks, nonces, signer, scopes, challengeEndpoint }) {
    Object.assign(this, { identifier, callbacks, nonces, signer, scopes })
    this.library = new Oauth2AuthorizationServer({ callbacks })
    this.metadata = this.library.createAuthorizationServerMetadata({
      issuer: identifier,
      authorization_endpoint: `${identifier}/authorize`,
      pushed_authorization_request_endpoint: `${identifier}/par`,
      token_endpoint: `${identifier}/token`,
      jwks_uri: `${identifier}/jwks`,
      ...(challengeEndpoint ? { challenge_endpoint: `${identifier}/challenge` } : {}),
      response_types_supported: ['code'],
      grant_types_supported: [authorizationCodeGrantIdentifier, preAuthorizedCodeGrantIdentifier, refreshTokenGrantIdentifier],
      scopes_supported: Object.keys(scopes),
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', METHOD],
      client_attestation_signing_alg_values_supported: ALGORITHMS,
      client_attestation_pop_signing_alg_values_supported: ALGORITHMS,
      dpop_signing_alg_values_supported: ALGORITHMS,
      require_pushed_authorization_requests: true,
      authorization_response_iss_parameter_supported: true,
      authorization_details_types_supported: ['openid_credential'],
      'pre-authorized_grant_anonymous_access_supported': true,
    })
  }

  // A code of the pre-authorized grant.
  preAuthorize(configurationIds, txCode) {
    const code = newSecret()
    this.#grants.set(code, { configurationIds, txCode, expiresAt: inSeconds(300) })
    return code
  }

  challenge() {
    const challenge = newSecret()
    this.#challenges.add(challenge)
    return challenge
  }

  // POST /par
  async push(request, form) {
    const { authorizationRequest, dpop, clientAttestation } = await this.library.parsePushedAuthorizationRequest({
      authorizationRequest: form,
      request,
    })
    const client = await this.#authenticated(clientAttestation, form.client_id)
    this.#demandNonce(dpop?.jwt)
    // `clientAttestation` is not handed on: see attestation.mjs.
    const verified = await this.library.verifyPushedAuthorizationRequest({
      authorizationRequest,
      authorizationServerMetadata: this.metadata,
      request,
      dpop: { ...dpop, required: true, allowedSigningAlgs: ALGORITHMS },
    })
    if (authorizationRequest.response_type !== 'code') throw refused('unsupported_response_type', 'response_type')
    if (authorizationRequest.code_challenge_method !== 'S256') throw refused('invalid_request', 'PKCE is needed')
    const id = newSecret()
    this.#pushed.set(id, { authorizationRequest, client, jkt: verified.dpop.jwkThumbprint })
    const { pushedAuthorizationResponse } = this.library.createPushedAuthorizationResponse({
      expiresInSeconds: 60,
      requestUri: `${pushedAuthorizationRequestUriPrefix}${id}`,
    })
    return pushedAuthorizationResponse
  }

  // GET /authorize: the person always agrees. Gives the URL to which the browser goes.
  authorize({ request_uri: uri, client_id: clientId }) {
    const id = parsePushedAuthorizationRequestUriReferenceValue({ uri: uri ?? '' })
    const { authorizationRequest, client, jkt } = this.#pushed.get(id) ?? {}
    if (client === undefined || client.id !== clientId) throw refused('invalid_request_uri', 'no request of this client')
    this.#pushed.delete(id)
    const code = newSecret()
    const configurationIds = this.#asked(authorizationRequest)
    this.#grants.set(code, { authorizationRequest, client, jkt, configurationIds, expiresAt: inSeconds(60) })
    const url = new URL(authorizationRequest.redirect_uri)
    url.searchParams.set('code', code)
    url.searchParams.set('iss', this.identifier)
    if (authorizationRequest.state) url.searchParams.set('state', authorizationRequest.state)
    return url.toString()
  }

  // POST /token
  async token(request, form) {
    const parsed = this.library.parseAccessTokenRequest({ accessTokenRequest: form, request })
    const client = await this.#authenticated(parsed.clientAttestation, form.client_id, parsed.grant.grantType)
    this.#demandNonce(parsed.dpop?.jwt)
    const common = {
      accessTokenRequest: parsed.accessTokenRequest,
      authorizationServerMetadata: this.metadata,
      request,
      grant: parsed.grant,
    }
    const dpop = { ...parsed.dpop, required: true, allowedSigningAlgs: ALGORITHMS }
    const { grant, verified, spend } = await this.#verifyGrant(parsed, form, client, common, dpop)
    spend()
    return await this.#answer({ ...grant, client, jkt: verified.dpop.jwkThumbprint }, verified.dpop)
  }

  async #verifyGrant(parsed, form, client, common, dpop) {
    const { grantType, code, preAuthorizedCode, refreshToken } = parsed.grant
    if (grantType === refreshTokenGrantIdentifier) {
      const grant = this.#refreshTokens.get(refreshToken)
      if (grant === undefined || grant.client.id !== client.id || grant.client.instance !== client.instance) {
        throw refused('invalid_grant', 'no refresh token of this client instance')
      }
      const verified = await this.library.verifyRefreshTokenAccessTokenRequest({
        ...common,
        expectedRefreshToken: refreshToken,
        dpop: { ...dpop, expectedJwkThumbprint: grant.jkt },
      })
      return { grant, verified, spend: () => this.#refreshTokens.delete(refreshToken) }
    }
    if (grantType === preAuthorizedCodeGrantIdentifier) {
      const grant = this.#grants.get(preAuthorizedCode)
      const verified = await this.library.verifyPreAuthorizedCodeAccessTokenRequest({
        ...common,
        expectedPreAuthorizedCode: grant === undefined ? undefined : preAuthorizedCode,
        expectedTxCode: grant?.txCode,
        preAuthorizedCodeExpiresAt: grant?.expiresAt,
        dpop,
      })
      const spend = () => this.#grants.delete(preAuthorizedCode)
      if (form.authorization_details === undefined) return { grant, verified, spend }
      // OID4VCI 6.1: some of what was offered.
      const authorizationRequest = { authorization_details: form.authorization_details }
      const configurationIds = this.#asked(authorizationRequest)
      return { grant: { ...grant, authorizationRequest, configurationIds }, verified, spend }
    }
    const grant = this.#grants.get(code)
    const request = grant?.authorizationRequest ?? {}
    if (grant !== undefined && (grant.client.id !== client.id || request.redirect_uri !== form.redirect_uri)) {
      throw refused('invalid_grant', 'the code is of another request')
    }
    const verified = await this.library.verifyAuthorizationCodeAccessTokenRequest({
      ...common,
      expectedCode: grant === undefined ? undefined : code,
      codeExpiresAt: grant?.expiresAt,
      dpop: { ...dpop, expectedJwkThumbprint: grant?.jkt },
      pkce: grant && {
        codeVerifier: parsed.pkceCodeVerifier,
        codeChallenge: request.code_challenge,
        codeChallengeMethod: request.code_challenge_method,
      },
    })
    return { grant, verified, spend: () => this.#grants.delete(code) }
  }

  async #answer(grant, dpop) {
    const { authorizationRequest = {}, client, configurationIds } = grant
    const refreshToken = newSecret()
    this.#refreshTokens.set(refreshToken, grant)
    const details = this.#details(authorizationRequest)
    return await this.library.createAccessTokenResponse({
      audience: this.identifier,
      authorizationServer: this.identifier,
      expiresInSeconds: 300,
      signer: this.signer,
      subject: 'ada',
      clientId: client.id,
      scope: authorizationRequest.scope,
      refreshToken,
      dpop,
      additionalAccessTokenPayload: { configuration_ids: configurationIds },
      additionalAccessTokenResponsePayload: details && {
        // OID4VCI 6.2: the library knows nothing of the members of `authorization_details`.
        authorization_details: details.map((detail) => ({
          ...detail,
          credential_identifiers: [credentialIdentifier(detail.credential_configuration_id)],
        })),
      },
    })
  }

  #details({ authorization_details: details }) {
    return details === undefined ? undefined : JSON.parse(details)
  }

  // OID4VCI 5.1: by details, or by scope values.
  #asked(request) {
    const details = this.#details(request)
    if (details !== undefined) return details.map((detail) => detail.credential_configuration_id)
    return (request.scope ?? '').split(' ').flatMap((scope) => this.scopes[scope] ?? [])
  }

  async #authenticated(clientAttestation, clientId, grantType) {
    if (clientAttestation === undefined) {
      if (grantType === preAuthorizedCodeGrantIdentifier) return { id: clientId, instance: undefined }
      throw new Refused(401, { error: 'invalid_client', error_description: 'the client must authenticate' })
    }
    const { attestation, pop } = await verifyClientAttestation({
      issuer: this.identifier,
      attestation: clientAttestation.clientAttestationJwt,
      pop: clientAttestation.clientAttestationPopJwt,
      callbacks: this.callbacks,
    }).catch((error) => {
      throw refused('invalid_client', String(error.message))
    })
    if (clientId !== undefined && clientId !== attestation.sub) throw refused('invalid_client', 'another client is attested')
    // Sections 8.1, 9: a challenge of ours, and no proof twice.
    if (!this.#challenges.delete(pop.challenge)) {
      const challenge = this.challenge()
      throw new Refused(400, { error: 'use_attestation_challenge' }, { 'OAuth-Client-Attestation-Challenge': challenge })
    }
    if (this.#usedProofs.has(pop.jti)) throw refused('invalid_client', 'the proof of possession was used before')
    this.#usedProofs.add(pop.jti)
    return { id: attestation.sub, instance: await jose.calculateJwkThumbprint(attestation.cnf.jwk) }
  }

  // RFC 9449 8
  #demandNonce(jwt) {
    if (jwt === undefined || this.nonces.take(jwt)) return
    throw new Refused(400, { error: 'use_dpop_nonce' }, this.next())
  }

  // What the next request can have: RFC 9449 8.2; section 8.1 of the draft. The challenge is spent, whatever the answer.
  next() {
    return { 'DPoP-Nonce': this.nonces.new(), 'OAuth-Client-Attestation-Challenge': this.challenge() }
  }
}

// The only dataset of the only person.
export const credentialIdentifier = (configurationId) => `${configurationId}/ada`
