// An agent of Credo, with its own keys and checks. What it stores is in this process only.

import 'reflect-metadata'
import { EventEmitter } from 'node:events'
import {
  Agent,
  InjectionSymbols,
  JsonTransformer,
  Kms,
  RecordDuplicateError,
  RecordNotFoundError,
  X509Module,
} from '@credo-ts/core'
import { NodeInMemoryKeyManagementStorage, NodeKeyManagementService } from '@credo-ts/node'

// Whether the tags of a record are those of a query, in Credo's language for them.
function matches(tags, query) {
  return Object.entries(query).every(([name, wanted]) => {
    if (name === '$or') return wanted.some((each) => matches(tags, each))
    if (name === '$and') return wanted.every((each) => matches(tags, each))
    if (name === '$not') return !matches(tags, wanted)
    if (Array.isArray(wanted)) return wanted.every((each) => tags[name]?.includes(each))
    return wanted === undefined || tags[name] === wanted
  })
}

// Records are kept as JSON, as a database would.
class Records {
  supportsCursorPagination = false
  #rows = new Map()

  #name(type, id) {
    return `${type} ${id}`
  }

  #write(record) {
    this.#rows.set(this.#name(record.type, record.id), { json: JsonTransformer.serialize(record), tags: record.getTags() })
  }

  #read(kind, { json, tags }) {
    const record = JsonTransformer.deserialize(json, kind)
    record.replaceTags(tags)
    return record
  }

  #check(type, id) {
    if (!this.#rows.has(this.#name(type, id))) throw new RecordNotFoundError('there is no such record', { recordType: type })
  }

  async save(_, record) {
    const { type, id } = record
    if (this.#rows.has(this.#name(type, id))) throw new RecordDuplicateError('it is there', { recordType: type })
    this.#write(record)
  }

  async update(_, record) {
    this.#check(record.type, record.id)
    this.#write(record)
  }

  async delete(_, record) {
    this.#check(record.type, record.id)
    this.#rows.delete(this.#name(record.type, record.id))
  }

  async deleteById(_, kind, id) {
    this.#check(kind.type, id)
    this.#rows.delete(this.#name(kind.type, id))
  }

  async getById(_, kind, id) {
    this.#check(kind.type, id)
    return this.#read(kind, this.#rows.get(this.#name(kind.type, id)))
  }

  async getAll(_, kind) {
    const prefix = this.#name(kind.type, '')
    return [...this.#rows].filter(([name]) => name.startsWith(prefix)).map(([, row]) => this.#read(kind, row))
  }

  async findByQuery(context, kind, query) {
    return (await this.getAll(context, kind)).filter((record) => matches(record.getTags(), query))
  }
}

class NoFiles {
  async exists() {
    return false
  }
}

// An agent with these modules, which believes certificates under the anchors (PEM), and fetches in its own way.
export async function credo(modules, anchors, fetch = globalThis.fetch) {
  const records = new Records()
  const agent = new Agent({
    config: {
      autoUpdateStorageOnStartup: true,
      // Its issuer listens on the loopback interface without TLS.
      allowInsecureHttpUrls: true,
    },
    dependencies: { FileSystem: NoFiles, EventEmitterClass: EventEmitter, WebSocketClass: class {}, fetch },
    modules: {
      records: { register: (manager) => manager.registerInstance(InjectionSymbols.StorageService, records) },
      keys: new Kms.KeyManagementModule({
        backends: [new NodeKeyManagementService(new NodeInMemoryKeyManagementStorage())],
      }),
      x509: new X509Module({ trustedCertificates: anchors }),
      ...modules,
    },
  })
  await agent.initialize()
  return agent
}

// The key in a JWK that has its private half.
export async function imported(agent, privateJwk) {
  return Kms.PublicJwk.fromPublicJwk((await agent.kms.importKey({ privateJwk })).publicJwk)
}

// A new key.
export async function generated(agent) {
  return Kms.PublicJwk.fromPublicJwk((await agent.kms.createKey({ type: { kty: 'EC', crv: 'P-256' } })).publicJwk)
}
