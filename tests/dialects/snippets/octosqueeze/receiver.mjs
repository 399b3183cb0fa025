// Takes a message of OctoSqueeze: the raw body comes on standard input, the header
// X-OctoSqueeze-Signature as an argument.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

const body = readFileSync(0)
const signature = createHmac('sha256', 'YOUR_WEBHOOK_SECRET').update(body).digest()
if (!timingSafeEqual(signature, Buffer.from(process.argv[2], 'hex'))) {
  console.error('Invalid signature')
  process.exit(1)
}

const images = JSON.parse(new URLSearchParams(body.toString()).get('images'))
for (const { image_id, compressions } of images) {
  for (const { format, size, link } of compressions) {
    console.log(`${image_id} ${format} ${size} ${link}`)
  }
}
