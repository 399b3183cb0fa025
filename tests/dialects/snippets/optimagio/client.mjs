// Optimizes a file and a URL through the Optimagio API, as its documents say; keeps the results.

import { openAsBlob } from 'node:fs'
import { writeFile } from 'node:fs/promises'

const api = 'https://optimagio.com/api/optimize'
const key = 'opt_your_key'

async function keep(response, name) {
  const answer = await response.json()
  if (!response.ok) {
    console.error(`${response.status} ${answer.code}: ${answer.error}`)
    process.exit(1)
  }
  const download = await fetch(answer.optimized_url)
  if (!download.ok) throw new Error(`${download.status}`)
  await writeFile(name, Buffer.from(await download.arrayBuffer()))
  const { format, original_size, optimized_size, saved_bytes, percent, cached } = answer
  console.log(format, original_size, optimized_size, saved_bytes, percent, cached)
}

const form = new FormData()
form.append('accept_file', 'true')
form.append('image', await openAsBlob('photo.jpg'), 'photo.jpg')
form.append('format', 'webp')
form.append('compression', 'max')
await keep(await fetch(api, { method: 'POST', headers: { 'X-API-Key': key }, body: form }), 'by-file')

await keep(
  await fetch(api, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      url: 'https://example.com/image.jpg',
      format: 'webp',
      compression: 'max',
    }),
  }),
  'by-url',
)
