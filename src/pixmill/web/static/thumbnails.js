// Thumbnails: of what is in sight, one at a time, and nothing is kept but a few pixels.

const list = document.querySelector("[data-rows]");
let drawing = Promise.resolve();

const thumbnails = new IntersectionObserver((sights) => {
  for (const { isIntersecting, target } of sights) {
    if (!isIntersecting) continue;
    thumbnails.unobserve(target);
    drawing = drawing.then(() => draw(target)).catch(() => {}); // a kind that this browser cannot show
  }
}, { rootMargin: "200px" });

async function draw(element) {
  const canvas = element.querySelector("canvas");
  const bitmap = await createImageBitmap(element.row.file, { resizeWidth: 2 * canvas.width });
  const side = Math.min(bitmap.width, bitmap.height);
  const [x, y] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  canvas.dataset.drawn = "yes";
}

new MutationObserver((changes) => {
  for (const { addedNodes, removedNodes } of changes) {
    for (const element of addedNodes) thumbnails.observe(element);
    for (const element of removedNodes) thumbnails.unobserve(element);
  }
}).observe(list, { childList: true });
