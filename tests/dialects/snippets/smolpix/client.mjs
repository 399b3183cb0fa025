// Optimizes one image through the Smolpix API, as its documents say, and keeps the result.

import { writeFileSync } from 'node:fs'

const response = await fetch('https://smolpix.co/api/v1/optimize', {
  method: 'POST',
  headers: {
    'Authorization': 'Bearer pk_live_your_key',
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    url: 'https://example.com/image.jpg',
    format: 'auto',
    quality: 80,
    smart: true,
  }),
})
const data = await response.json()
if (!data.success) {
  console.error(`${response.status} ${data.code}: ${data.error}`)
  process.exit(1)
}

writeFileSync('optimized', Buffer.from(data.data, 'base64'))
console.log(`${data.savingsPercent} ${data.originalSize} ${data.optimizedSize}`)
