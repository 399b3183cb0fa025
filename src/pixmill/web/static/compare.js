// One picture large: before on the left, after on the right, and a native slider between them.

const stage = document.querySelector("[data-stage]");
const frame = stage.querySelector("[data-frame]");
const [before, after] = ["before", "after"].map((name) => stage.querySelector(`[data-${name}]`));
const slider = stage.querySelector("input");
const handle = stage.querySelector(".handle");
const note = stage.querySelector("[data-note]");

const viewport = stage.querySelector("[data-viewport]");
const actual = stage.querySelector("[data-actual]");

let file = null; // whose picture `before` shows
let visible = true; // the browser can show it
let wide = 0; // pixels across

function divide() {
  const at = after.hidden ? 100 : Number(slider.value);
  before.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
  after.style.clipPath = `inset(0 0 0 ${at}%)`;
  handle.style.left = `${at}%`;
}

function fit(width, height) {
  if (!width || !height) return;
  frame.style.setProperty("--ratio", width / height);
  wide = width;
  scale();
}

function scale() {
  const zoomed = actual.getAttribute("aria-pressed") === "true";
  frame.style.width = zoomed ? `${wide / devicePixelRatio}px` : "";
}

actual.addEventListener("click", () => {
  actual.setAttribute("aria-pressed", actual.getAttribute("aria-pressed") !== "true");
  scale();
  const [across, down] = [frame.offsetWidth - viewport.clientWidth, frame.offsetHeight - viewport.clientHeight];
  viewport.scrollTo(across / 2, down / 2);
});

function show({ row, texts }) {
  stage.hidden = !row;
  if (row?.file !== file) {
    URL.revokeObjectURL(before.src);
    file = row?.file;
    visible = true;
    if (file) before.src = URL.createObjectURL(file);
    else before.removeAttribute("src");
    slider.value = 50;
  }
  if (!row) return;
  const { result } = row;
  stage.querySelector("[data-name]").textContent = file.name;
  for (const [name, text] of Object.entries(texts)) {
    stage.querySelector(`[data-fact="${name}"]`).replaceChildren(...text);
  }
  after.hidden = !result;
  if (result && after.getAttribute("src") !== result.view) after.src = result.view;
  if (!result) after.removeAttribute("src");
  if (result) fit(result.width, result.height);
  frame.dataset.busy = row.busy;
  settle();
}

function settle() {
  const compares = visible && !after.hidden;
  slider.hidden = handle.hidden = !compares;
  for (const corner of stage.querySelectorAll(".corner")) corner.hidden = !compares;
  before.hidden = !visible;
  note.hidden = visible;
  note.textContent = after.hidden
    ? "This browser cannot show a file of this kind."
    : "This browser cannot show the file as it was, so this is the result alone.";
  if (!visible) after.style.clipPath = "none";
  else divide();
}

slider.addEventListener("input", divide);
before.addEventListener("error", () => {
  visible = false;
  settle();
});
before.addEventListener("load", () => {
  if (after.hidden) fit(before.naturalWidth, before.naturalHeight);
});
document.addEventListener("pixmill:show", (event) => show(event.detail));
