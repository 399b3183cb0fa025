// Compresses two images through the OctoSqueeze API, as its documents say, and keeps them.

import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const api = 'https://api.octosqueeze.com/api/v1'
const headers = { Authorization: 'Bearer YOUR_API_KEY', 'Content-Type': 'application/json' }

const response = await fetch(`${api}/compress-batch`, {
  method: 'POST',
  headers,
  body: JSON.stringify({
    items: [
      {
        url: 'https://example.com/image1.jpg',
        image_id: 'my-id-1',
        options: { mode: 'size', format: 'webp' },
      },
      { url: 'https://example.com/image2.png', image_id: 2 },
    ],
    options: { mode: 'balanced', formats: ['webp', 'avif'] },
  }),
})
const { success, data, error } = await response.json()
if (!success) {
  console.error(`${response.status} ${error.code}: ${error.message}`)
  process.exit(1)
}

for (let item of data.items) {
  while (['queued', 'processing'].includes(item.status)) {
    await setTimeout(1000)
    item = (await (await fetch(`${api}/status/${item.id}`, { headers })).json()).data
  }
  for (const made of item.compressions) {
    // No key: the link is enough.
    const file = await (await fetch(made.link)).arrayBuffer()
    writeFileSync(`${item.image_id}.${made.format}`, Buffer.from(file))
    console.log(`${item.image_id} ${made.format} ${made.size}`)
  }
}
