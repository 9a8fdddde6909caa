// A browser without script: it keeps cookies, reads forms, and clicks buttons by their ids.

const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'" }

const unescaped = (text) => text.replace(/&(amp|lt|gt|quot|#x27);/g, (_, name) => ENTITIES[name])

function attributes(text) {
  const found = [...text.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)]
  return Object.fromEntries(found.map(([, name, value]) => [name, unescaped(value ?? '')]))
}

export class Browser {
  #cookies = new Map()

  // What a server answers. No redirect is followed.
  async #fetch(url, init = {}) {
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ')
    const headers = { accept: HTML, ...(cookie ? { cookie } : {}) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split('=')
      this.#cookies.set(name, value)
    }
    return { url, response, html: await response.text() }
  }

  visit(url) {
    return this.#fetch(url)
  }

  // What comes of clicking a button, after typing into fields by their ids.
  click(page, buttonId, typed = {}) {
    const tags = [...page.html.matchAll(/<(form|input|button)\b([^>]*)>/g)]
    const elements = tags.map(([, tag, rest]) => ({ tag, ...attributes(rest) }))
    const form = elements.find(({ tag }) => tag === 'form')
    const button = elements.find(({ tag, id }) => tag === 'button' && id === buttonId)
    if (form?.method !== 'post' || button === undefined) throw new Error(`there is no button ${buttonId}: ${page.html}`)
    const body = new URLSearchParams({ [button.name]: button.value })
    for (const { tag, id, name, value } of elements) {
      if (tag === 'input') body.set(name, typed[id] ?? value ?? '')
    }
    return this.#fetch(new URL(form.action, page.url).toString(), { method: 'POST', body })
  }
}

// Where a person is sent who logs in and decides, by the id of the button.
export async function decided(url, { username, password, decision }) {
  const browser = new Browser()
  const login = await browser.visit(url)
  const consent = await browser.click(login, 'login', { username, password })
  const { response, html } = await browser.click(consent, decision)
  if (response.status !== 303) throw new Error(`the browser was not sent back: ${html}`)
  return response.headers.get('location')
}
