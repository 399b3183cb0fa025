// Describes and exports a folder of images through the Picture Optimizer API.
import { readdir, readFile, writeFile } from "node:fs/promises";

const API = "https://optimizepicture.com/image-forge-api/v1";
const KEY = { "X-API-Key": "sk-your_key" };

async function call(path, options = {}) {
  const response = await fetch(`${API}${path}`, {
    ...options,
    headers: { ...KEY, ...options.headers },
  });
  if (!response.ok) {
    console.error(response.status, (await response.json()).error);
    process.exit(1);
  }
  return response;
}

const post = (path, body) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

async function* events(response) {
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const frames = text.split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const fields = Object.fromEntries(
        frame
          .split("\n")
          .filter((line) => line.includes(": "))
          .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
      );
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

const form = new FormData();
for (const name of (await readdir("photos")).sort()) {
  form.append("images[]", new Blob([await readFile(`photos/${name}`)]), name);
}
const session = await (await call("/sessions", { method: "POST", body: form })).json();
console.log("uploaded", session.images.length, "rejected", session.rejected.length);

const cost = { action: "analyze", imageCount: session.images.length };
const check = await (await post("/credits/check", cost)).json();
console.log("sufficient", check.sufficient ? "True" : "False");

const about = { sessionId: session.sessionId, images: session.images };
for await (const { name, data } of events(await post("/analyze", about))) {
  if (name === "complete") console.log("analyzed", data.processed, "of", data.total);
}

const settings = { format: "webp", preset: "high", responsive: true };
for await (const { name, data } of events(await post("/export", { ...about, settings }))) {
  if (name !== "complete") continue;
  for (const result of data.results) {
    console.log(result.filename, ...result.variants.map((variant) => variant.name));
  }
}

const zip = await call(`/sessions/${session.sessionId}/download`);
await writeFile("images.zip", Buffer.from(await zip.arrayBuffer()));
