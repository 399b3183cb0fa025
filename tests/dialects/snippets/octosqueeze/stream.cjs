// The same as client.mjs, sent as axios sends a form-data form: as a stream of unknown length, with
// headers that the form names.

const { createReadStream, writeFileSync } = require('node:fs')
const { request } = require('node:http')
const { Readable } = require('node:stream')

const boundary = '--------------------------315936297483729476395712'

async function* form() {
  for (const [name, value] of Object.entries({ format: 'webp', mode: 'balanced' })) {
    yield `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  }
  yield `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n`
  yield 'Content-Type: image/jpeg\r\n\r\n'
  yield* createReadStream('photo.jpg', { highWaterMark: 4096 })
  yield `\r\n--${boundary}--\r\n`
}

function send(url, options, body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, async (response) => {
      resolve({ status: response.statusCode, body: Buffer.concat(await response.toArray()) })
    })
    sent.on('error', reject)
    body.pipe(sent)
  })
}

async function main() {
  const answer = await send('https://api.octosqueeze.com/api/v1/compress', {
    method: 'POST',
    headers: {
      'Accept': 'application/json, text/plain, */*',
      'Authorization': 'Bearer YOUR_API_KEY',
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
  }, Readable.from(form(), { objectMode: false }))
  const { success, data, error } = JSON.parse(answer.body)
  if (!success) {
    console.error(`${answer.status} ${error.code}: ${error.message}`)
    process.exit(1)
  }

  // No key: the link is enough.
  const compressed = await send(data.download_url, {}, Readable.from([]))
  writeFileSync('compressed.webp', compressed.body)
  console.log(`${data.savings_percent} ${data.original_size} ${data.compressed_size}`)
}

main()
