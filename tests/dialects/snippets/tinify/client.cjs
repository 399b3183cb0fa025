// Makes every call of the official package, and prints what came of each.

const fs = require("fs")
const tinify = require("tinify")

const Client = require("tinify/lib/tinify/Client").default
const settings = JSON.parse(fs.readFileSync("settings.json"))
Client.API_ENDPOINT = settings.base_url
Client.CA_BUNDLE = [fs.readFileSync(settings.authorities)]
Client.RETRY_DELAY = 1
tinify.key = settings.key

const seen = {}

async function told(name, source) {
  const result = source.result()
  seen[name] = {
    width: await result.width(),
    height: await result.height(),
    size: await result.size(),
    type: await result.mediaType(),
    extension: await result.extension(),
    bytes: (await result.toBuffer()).length,
    count: tinify.compressionCount,
  }
}

async function refused(name, work) {
  try {
    await work()
    seen[name] = "nothing was refused"
  } catch (error) {
    seen[name] = { kind: error.constructor.name, message: error.message }
  }
}

async function main() {
  await tinify.validate()
  seen.validated = tinify.compressionCount
  const source = tinify.fromFile("logo.png")
  await source.toFile("optimized.png")
  await told("buffer", tinify.fromBuffer(fs.readFileSync("photo.jpg")))
  await told("url", tinify.fromUrl(settings.url))
  const photo = tinify.fromFile("photo.jpg")
  await told("scale", photo.resize({ method: "scale", width: 80 }))
  await told("fit", photo.resize({ method: "fit", width: 100, height: 100 }))
  await told("cover", photo.resize({ method: "cover", width: 100, height: 100 }))
  await told("thumb", photo.resize({ method: "thumb", width: 64, height: 64 }))
  await told("one", photo.convert({ type: "image/webp" }))
  await told("many", photo.convert({ type: ["image/png", "image/webp"] }))
  await told("any", photo.convert({ type: "*/*" }))
  await told("background", source.convert({ type: "image/jpeg" }).transform({ background: "white" }))
  await photo.preserve("copyright", "creation", "location").toFile("preserved.jpg")
  const stored = photo.store(settings.store)
  seen.stored = { location: await stored.location(), width: await stored.width() }

  await refused("client", () => tinify.fromBuffer(Buffer.from("no image")).toBuffer())
  await refused("background missing", () => source.convert({ type: "image/jpeg" }).toBuffer())
  tinify.key = "wrong"
  await refused("account", () => tinify.validate())
  tinify.key = settings.key
  Client.API_ENDPOINT = settings.failing
  await refused("server", () => tinify.fromFile("logo.png").toBuffer())
  Client.API_ENDPOINT = settings.away
  await refused("connection", () => tinify.fromFile("logo.png").toBuffer())
  console.log(JSON.stringify(seen))
}

main()
