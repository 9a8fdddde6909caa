// Credentials issued and verified by other libraries, as often as asked, for tests/benchmarks.
//
// Reads JSON objects from standard input, one a line, and answers each with a line:
//   {"load": name, "given": {...}}: a number, that of `benchmark-<name>.mjs` with what it was given
//   {"result": number, "verb": "issue" | "verify"}: what it yields once
//   {"run": number, "verb", "count"}: seconds of processor time, those of all threads, that running it so often takes

import { createInterface } from 'node:readline'

const loaded = []

async function seconds({ run, verb, count }) {
  const action = loaded[run][verb]
  const begin = process.cpuUsage()
  for (let i = 0; i < count; i++) await action()
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1e6
}

async function answer(question) {
  if ('load' in question) {
    const { load } = await import(`./benchmark-${question.load}.mjs`)
    return loaded.push(await load(question.given)) - 1
  }
  return 'result' in question ? await loaded[question.result][question.verb]() : await seconds(question)
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`)
}
