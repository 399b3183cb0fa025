// Compresses one image through the OctoSqueeze API, as its documents say, and keeps the result.

import { readFileSync, writeFileSync } from 'node:fs'

const form = new FormData()
form.append('file', new Blob([readFileSync('photo.jpg')]), 'photo.jpg')
form.append('format', 'webp')
form.append('mode', 'balanced')

const response = await fetch('https://api.octosqueeze.com/api/v1/compress', {
  method: 'POST',
  headers: { Authorization: 'Bearer YOUR_API_KEY' },
  body: form,
})
const { success, data, error } = await response.json()
if (!success) {
  console.error(`${response.status} ${error.code}: ${error.message}`)
  process.exit(1)
}

// No key: the link is enough.
const compressed = await fetch(data.download_url)
writeFileSync('compressed.webp', Buffer.from(await compressed.arrayBuffer()))
console.log(`${data.savings_percent} ${data.original_size} ${data.compressed_size}`)
