// Optimizes a folder of images as one batch through the Optimagio API; keeps the results.

import { randomUUID } from 'node:crypto'
import { createWriteStream, openAsBlob } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const api = 'https://optimagio.com/api/v1/optimize/batch'
const headers = { 'X-API-Key': 'opt_your_key' }
const chunk = 50

async function checked(response) {
  if (response.ok) return response
  const answer = await response.json()
  console.error(`${response.status} ${answer.code}: ${answer.error}`)
  process.exit(1)
}

// The key makes it safe to send a chunk again when the answer got lost.
async function upload(names, batch, final) {
  const key = randomUUID()
  for (let attempt = 1; ; attempt++) {
    const form = new FormData()
    form.append('client_batch_id', batch)
    form.append('format', 'webp')
    form.append('final', String(final))
    for (const name of names) form.append('files[]', await openAsBlob(`photos/${name}`), name)
    try {
      const request = { method: 'POST', headers: { ...headers, 'Idempotency-Key': key }, body: form }
      return await (await checked(await fetch(api, request))).json()
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

// Follows a batch, and comes back where it was when the connection breaks.
async function* events(url) {
  let last = ''
  for (;;) {
    const resumed = last ? { ...headers, 'Last-Event-ID': last } : headers
    const response = await checked(await fetch(url, { headers: resumed }))
    let text = ''
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece
      const blocks = text.split('\n\n')
      text = blocks.pop()
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s)))
        if (!fields.data) continue
        last = fields.id ?? last
        yield [fields.event, JSON.parse(fields.data)]
        if (fields.event === 'complete') return
      }
    }
  }
}

const names = (await readdir('photos')).sort()
const batch = randomUUID()
let answer
for (let start = 0; start < names.length; start += chunk) {
  answer = await upload(names.slice(start, start + chunk), batch, start + chunk >= names.length)
  console.log('chunk', answer.accepted, answer.rejected)
  for (const file of answer.rejected_files) console.log('rejected', file.filename, file.code)
}

let sizes = 0
for await (const [name, data] of events(answer.links.events)) {
  if (name === 'item') sizes += data.optimized_size ?? 0
  if (name === 'complete') console.log(data.status, data.completed, data.failed, sizes)
}

const archive = await checked(await fetch(answer.links.zip, { headers }))
await pipeline(Readable.fromWeb(archive.body), createWriteStream('results.zip'))
