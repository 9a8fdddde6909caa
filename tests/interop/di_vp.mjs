// Presentations with Data Integrity proofs, made and verified by somebody else's library. Nothing is fetched.
//
// Reads one JSON object from standard input and prints one:
//   {"domain", "challenge", "make": {name: {suite, algorithm, presentation}}, "verify": {name: presentation}}
// to
//   {"made": {name: {ok: presentation} or {error}}, "verified": {name: {ok: true} or {error: message}}}

import { text } from 'node:stream/consumers'
import { contexts as credentialsContexts } from '@digitalbazaar/credentials-context'
import { DataIntegrityProof } from '@digitalbazaar/data-integrity'
import dataIntegrityContext from '@digitalbazaar/data-integrity-context'
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey'
import { cryptosuite as ecdsaRdfc2019 } from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite'
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey'
import { cryptosuite as eddsaRdfc2022 } from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite'
import * as vc from '@digitalbazaar/vc'

const SUITES = { 'eddsa-rdfc-2022': eddsaRdfc2022, 'ecdsa-rdfc-2019': ecdsaRdfc2019 }

const input = JSON.parse(await text(process.stdin))
const { domain, challenge } = input
const documents = new Map([...credentialsContexts, ...dataIntegrityContext.contexts])

async function documentLoader(url) {
  if (documents.has(url)) return { contextUrl: null, documentUrl: url, document: documents.get(url) }
  if (!url.startsWith('did:key:')) throw new Error(`nothing is fetched: ${url}`)
  const [did] = url.split('#')
  const id = `${did}#${did.slice('did:key:'.length)}`
  const method = {
    '@context': 'https://w3id.org/security/multikey/v1',
    id,
    type: 'Multikey',
    controller: did,
    publicKeyMultibase: did.slice('did:key:'.length),
  }
  const controller = { '@context': 'https://www.w3.org/ns/did/v1', id: did, verificationMethod: [method], authentication: [id] }
  return { contextUrl: null, documentUrl: url, document: url === did ? controller : method }
}

async function make({ suite: name, algorithm, presentation }) {
  const pair = algorithm === 'EdDSA' ? await Ed25519Multikey.generate() : await EcdsaMultikey.generate({ curve: algorithm })
  pair.controller = `did:key:${pair.publicKeyMultibase}`
  pair.id = `${pair.controller}#${pair.publicKeyMultibase}`
  const suite = new DataIntegrityProof({ signer: pair.signer(), cryptosuite: SUITES[name] })
  const holder = 'holder' in presentation ? { holder: pair.controller } : {}
  return vc.signPresentation({ presentation: { ...presentation, ...holder }, suite, domain, challenge, documentLoader })
}

async function verify(presentation) {
  const suite = new DataIntegrityProof({ cryptosuite: SUITES[presentation.proof.cryptosuite] })
  const result = await vc.verify({ presentation, suite, domain, challenge, documentLoader })
  if (!result.verified) throw result.presentationResult?.error?.errors?.[0] ?? result.error
  return true
}

async function answers(tasks, action) {
  const found = {}
  for (const [name, task] of Object.entries(tasks)) {
    found[name] = await action(task).then(
      (ok) => ({ ok }),
      (error) => ({ error: `${error?.message} ${error?.details ? JSON.stringify(error.details) : ''}` })
    )
  }
  return found
}

console.log(JSON.stringify({ made: await answers(input.make, make), verified: await answers(input.verify, verify) }))
