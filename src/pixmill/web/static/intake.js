// The ways in: pictures, and folders of them, are dropped, pasted or chosen.

const input = document.querySelector("#image");
const add = (files) => document.dispatchEvent(new CustomEvent("pixmill:files", { detail: [...files] }));

input.multiple = true;
input.addEventListener("change", () => {
  add(input.files);
  input.value = "";
});

let inside = 0;
const curtain = (open) => document.body.classList.toggle("dropping", open);
const brings = (event) => event.dataTransfer?.types.includes("Files");

addEventListener("dragenter", (event) => {
  if (brings(event)) curtain(++inside > 0);
});
addEventListener("dragleave", (event) => {
  if (brings(event)) curtain(--inside > 0);
});
addEventListener("dragover", (event) => {
  if (brings(event)) event.preventDefault();
});
addEventListener("drop", async (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  inside = 0;
  curtain(false);
  const { items, files } = event.dataTransfer;
  const entries = [...items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return add(files);
  for (const entry of entries) if (entry) add(await pictures(entry));
});
addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files);
});

// The pictures in a folder; what else lies there was not meant.
async function pictures(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return file.type.startsWith("image/") ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const each of some) found.push(...(await pictures(each)));
  }
}
