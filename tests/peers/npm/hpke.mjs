// Opens and seals with HPKE base mode, suite 0020-0001-0003: one JSON request a line in, one JSON answer a line out.
// Suite 0 has the KEM of hpke (Web Cryptography), suite 1 that of @panva/hpke-noble. Both open, and must agree.
// ChaCha20Poly1305 is always hpke-noble's: Node 20 has none.
//
//   {"op":"open","private":HEX,"enc":HEX,"info":HEX,"aad":HEX,"ciphertext":HEX} -> {"plaintext":HEX} or {"error":TEXT}
//   {"op":"seal","suite":0 or 1,"public":HEX,"info":HEX,"aad":HEX,"plaintext":HEX} -> {"enc":HEX,"ciphertext":HEX} or {"error":TEXT}

import { createInterface } from 'node:readline'

import * as hpke from 'hpke'
import * as noble from '@panva/hpke-noble'

const suites = [hpke.KEM_DHKEM_X25519_HKDF_SHA256, noble.KEM_DHKEM_X25519_HKDF_SHA256].map(
  (kem) => new hpke.CipherSuite(kem, noble.KDF_HKDF_SHA256, noble.AEAD_ChaCha20Poly1305),
)

const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (data) => Buffer.from(data).toString('hex')

async function open(suite, request) {
  const key = await suite.DeserializePrivateKey(bytes(request.private), true) // Node 20 derives the public key so
  const options = { info: bytes(request.info), aad: bytes(request.aad) }
  return { plaintext: hex(await suite.Open(key, bytes(request.enc), bytes(request.ciphertext), options)) }
}

async function seal(suite, request) {
  const key = await suite.DeserializePublicKey(bytes(request.public))
  const options = { info: bytes(request.info), aad: bytes(request.aad) }
  const sealed = await suite.Seal(key, bytes(request.plaintext), options)
  return { enc: hex(sealed.encapsulatedSecret), ciphertext: hex(sealed.ciphertext) }
}

async function tried(action, suite, request) {
  try {
    return await action(suite, request)
  } catch (error) {
    return { error: `${error.name}: ${error.message}` }
  }
}

async function answer(request) {
  if (request.op === 'seal') {
    return tried(seal, suites[request.suite], request) // it draws its ephemeral key, so that once is enough
  }
  const [first, second] = await Promise.all(suites.map((suite) => tried(open, suite, request)))
  if (first.plaintext !== second.plaintext) {
    return { disagree: [first, second] }
  }
  return first
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`)
}
