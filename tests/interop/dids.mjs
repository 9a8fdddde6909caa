// DIDs that are keys, as other libraries make and read them.

import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey'
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey'

export const didJwk = (jwk) => `did:jwk:${Buffer.from(JSON.stringify(jwk)).toString('base64url')}#0`

export async function didKey(jwk) {
  const pair = await EcdsaMultikey.fromJwk({ jwk })
  const { publicKeyMultibase } = await pair.export({ publicKey: true })
  return `did:key:${publicKeyMultibase}#${publicKeyMultibase}`
}

export async function keyOf(didUrl) {
  const [did, fragment] = didUrl.split('#')
  const id = did.split(':')[2]
  if (did.startsWith('did:jwk:') && fragment === '0') return JSON.parse(Buffer.from(id, 'base64url'))
  if (!did.startsWith('did:key:') || fragment !== id) throw new Error('this DID URL names no key')
  const Multikey = id.startsWith('z6Mk') ? Ed25519Multikey : EcdsaMultikey
  const keyPair = await Multikey.from({ type: 'Multikey', id: didUrl, controller: did, publicKeyMultibase: id })
  const { kty, crv, x, y } = await Multikey.toJwk({ keyPair })
  return y === undefined ? { kty, crv, x } : { kty, crv, x, y }
}
