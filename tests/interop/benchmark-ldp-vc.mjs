// Credentials with Data Integrity proofs with @digitalbazaar/vc. All documents are at hand.

import { contexts as credentialsContexts } from '@digitalbazaar/credentials-context'
import { DataIntegrityProof } from '@digitalbazaar/data-integrity'
import dataIntegrityContext from '@digitalbazaar/data-integrity-context'
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey'
import { cryptosuite } from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite'
import * as vc from '@digitalbazaar/vc'

const MULTIKEY = 'https://w3id.org/security/multikey/v1'

export async function load({ key, method, created, contexts, document: controller, unsecured, credentials }) {
  const [verificationMethod] = controller.verificationMethod.filter(({ id }) => id === method)
  // It knows no context for controlled identifier documents, and reads them as those of DIDs.
  const known = { '@context': ['https://www.w3.org/ns/did/v1', MULTIKEY] }
  const documents = new Map([
    ...credentialsContexts,
    ...dataIntegrityContext.contexts,
    ...Object.entries(contexts),
    [controller.id, { ...controller, ...known }],
    [method, { ...verificationMethod, '@context': MULTIKEY }],
  ])
  const documentLoader = async (url) => {
    if (!documents.has(url)) throw new Error(`nothing is fetched: ${url}`)
    return { contextUrl: null, documentUrl: url, document: documents.get(url) }
  }
  const pair = await EcdsaMultikey.fromJwk({ jwk: key, secretKey: true, id: method, controller: controller.id })
  const signing = new DataIntegrityProof({ signer: pair.signer(), date: new Date(created), cryptosuite })
  return {
    issue: async () => {
      const issued = []
      for (const credential of unsecured) {
        issued.push(await vc.issue({ credential: { ...credential }, suite: signing, documentLoader }))
      }
      return issued
    },
    verify: async () => {
      const found = []
      for (const credential of credentials) {
        const suite = new DataIntegrityProof({ cryptosuite })
        const result = await vc.verifyCredential({ credential, suite, documentLoader })
        if (!result.verified) throw result.error?.errors?.[0] ?? result.error
        found.push(true)
      }
      return found
    },
  }
}
