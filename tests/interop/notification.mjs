// A wallet made of somebody else's library, which notifies an issuer. Nothing is sent: requests are printed, answers are given.
//
// Reads one JSON object from standard input and prints one:
//   {"metadata", "access_token", "dpop": a private JWK or null, "credential": the answer to a credential request,
//    "notifications": {name: {event, description, answers}}}, where an answer is {status, headers, body}
// to
//   {"notification_id": of the answer, "notifications": {name: {requests, outcome: "ok" or the error's class, code}}}

import { text } from 'node:stream/consumers'
import { clientAuthenticationNone } from '@openid4vc/oauth2'
import { Openid4vciClient } from '@openid4vc/openid4vci'
import { generateRandom, hash, Keys } from './callbacks.mjs'

const input = JSON.parse(await text(process.stdin))
const keys = new Keys()
const dpop = () => (input.dpop ? { signer: key.signer } : undefined)
const key = input.dpop ? await keys.add(input.dpop) : undefined
const issuerMetadata = {
  originalDraftVersion: 'V1',
  credentialIssuer: input.metadata,
  authorizationServers: [],
  knownCredentialConfigurations: {},
}

function answering(answers) {
  const requests = []
  const callbacks = {
    hash,
    generateRandom,
    signJwt: keys.signJwt,
    clientAuthentication: clientAuthenticationNone({ clientId: 'wallet' }),
    fetch: async (url, { method, headers, body }) => {
      requests.push({ url: String(url), method, headers: Object.fromEntries(new Headers(headers)), body })
      const { status, headers: answered, body: content } = answers[requests.length - 1]
      return new Response(content === '' ? null : content, { status, headers: answered })
    },
  }
  return { requests, client: new Openid4vciClient({ callbacks }) }
}

const accessToken = input.access_token
const { client } = answering([input.credential])
const { credentialResponse } = await client.retrieveCredentials({
  issuerMetadata,
  accessToken,
  credentialConfigurationId: 'badge',
  dpop: dpop(),
})
const notificationId = credentialResponse.notification_id

const notifications = {}
for (const [name, { event, description, answers }] of Object.entries(input.notifications)) {
  const { requests, client } = answering(answers)
  const notification = { notificationId, event, eventDescription: description }
  notifications[name] = await client.sendNotification({ issuerMetadata, accessToken, notification, dpop: dpop() }).then(
    () => ({ requests, outcome: 'ok', code: null }),
    (error) => ({
      requests,
      outcome: error.constructor.name,
      code: error.response?.notificationErrorResponseResult?.data?.error ?? null,
    })
  )
}
console.log(JSON.stringify({ notification_id: notificationId, notifications }))
