// Takes pictures, sends a few at a time, and shows what came back.

const find = (name) => document.querySelector(`[data-${name}]`);
const form = document.querySelector("#tool");
const input = document.querySelector("#image");
const list = find("rows");
const archive = find("archive");
const template = document.querySelector("#item");
const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";
const maxSize = Number(form.dataset.maxSize);

const AT_ONCE = 3;
const SETTLE = 350; // milliseconds after the last touch of a control
const PATIENCE = 120; // seconds that are waited for a busy server
const PER_USER = new Set(["guest_limit_reached", "quota_exceeded", "rate_limited"]);

let rows = [];
let shown = null;
let resting = 0; // until when nothing is sent
let planned = false; // a look at everything
let settling;

// ---- Words

const number = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let unit = -1;
  do {
    bytes /= 1000;
    unit += 1;
  } while (bytes >= 999.5 && unit < 3);
  return `${number(bytes, bytes >= 99.95 ? 0 : 1)} ${["kB", "MB", "GB", "TB"][unit]}`;
}

function saving(before, after) {
  const percent = Math.round((100 * (after - before)) / before);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent)} %`;
}

const score = ({ score: value, how }) =>
  value === null ? (how === "encoded" ? "–" : "same") : number(value, 1);

function described({ format, width, height, how }) {
  const made = { rescanned: ", the same pixels", original: ", as it was" }[how] ?? "";
  return `${format.toUpperCase()} ${width} × ${height}${made}`;
}

const small = (text) => Object.assign(document.createElement("small"), { textContent: text });

function texts({ file, result }) {
  if (!result) return { before: [size(file.size)], after: ["–"], saved: ["–"], score: ["–"] };
  return {
    before: [size(result.before)],
    after: [size(result.after), small(described(result))],
    saved: [saving(result.before, result.after)],
    score: [score(result), small(result.score === null ? "not measured" : "of 100")],
  };
}

// ---- One picture

class Row {
  constructor(file) {
    this.file = file;
    this.own = null; // what is wished for this one alone
    this.result = null;
    this.sent = null; // the wish that was last sent
    this.state = "waiting";
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.row = this;
    this.part("show").textContent = file.name;
    this.part("before").textContent = size(file.size);
    this.part("show").addEventListener("click", () => show(this));
    this.part("retry").addEventListener("click", () => this.wait());
    this.part("remove").addEventListener("click", () => remove(this));
    this.bar.setAttribute("aria-label", `Progress of ${file.name}`);
    this.say("Waiting");
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  get bar() {
    return this.element.querySelector("progress");
  }

  get busy() {
    return this.state !== "done" && this.state !== "failed";
  }

  get wish() {
    return this.own ?? everyone;
  }

  say(text, bad = false) {
    const said = this.part("said");
    said.textContent = text;
    said.classList.toggle("bad-text", bad);
  }

  become(state, text) {
    this.state = state;
    this.element.dataset.state = state;
    this.say(text, state === "failed");
    this.part("retry").hidden = state !== "failed" || this.hopeless;
    this.bar.hidden = state !== "sending" && state !== "working";
    if (state === "working") this.bar.removeAttribute("value");
    if (state === "sending") this.bar.value = 0;
    look();
  }

  wait(text = "Waiting") {
    this.request?.abort();
    this.request = null;
    this.become("waiting", text);
    pump();
  }

  fail(text, { hopeless = false } = {}) {
    this.request = null;
    this.hopeless = hopeless;
    this.become("failed", text);
    if (shown === this && !this.result) show(rows.find(({ state }) => state !== "failed") ?? this);
  }

  send() {
    const request = new XMLHttpRequest();
    const body = new FormData();
    this.request = request;
    this.sent = this.wish;
    for (const [name, value] of Object.entries(this.sent)) body.append(name, value);
    body.append("image", this.file, this.file.name);
    const current = (handle) => (event) => this.request === request && handle(event);
    request.open("POST", form.action);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
    request.upload.addEventListener("progress", current(({ loaded, total }) => {
      if (this.state === "sending") this.bar.value = loaded / total;
    }));
    request.upload.addEventListener("load", current(() => this.become("working", "Working")));
    request.addEventListener("load", current(() => this.hear(request)));
    request.addEventListener("error", current(() => this.lose()));
    this.become("sending", "Sending");
    request.send(body);
  }

  hear(request) {
    const { response } = request;
    const status = Number(request.getResponseHeader("X-Pixmill-Status") ?? request.status);
    if (status === 200 && response) return this.finish(response);
    const message = response?.message ?? "The server gave an answer that cannot be read.";
    const seconds = Number(request.getResponseHeader("Retry-After") ?? NaN);
    if ([429, 502, 503].includes(status) && seconds <= PATIENCE) {
      rest(seconds);
      return this.wait("The server is busy, so this waits for its turn");
    }
    this.fail(message, { hopeless: [413, 415, 422].includes(status) });
    if (response && PER_USER.has(response.error)) halt(message);
    pump();
  }

  finish(result) {
    this.request = null;
    this.result = { ...result, wish: this.sent };
    this.hopeless = false;
    this.part("after").textContent = size(result.after);
    this.part("saved").textContent = saving(result.before, result.after);
    this.part("score").textContent = score(result);
    const link = this.part("download");
    link.href = result.url;
    link.hidden = false;
    const left = find("left");
    if (left && result.left !== null) left.textContent = result.left;
    this.become("done", described(result));
    if (!shown?.result && !shown?.busy) show(this);
    pump();
  }

  // Either the file went away, or the server did.
  async lose() {
    this.request = null;
    try {
      await this.file.slice(0, 1).arrayBuffer();
    } catch {
      this.fail("This file cannot be read any more. Choose it again.", { hopeless: true });
      return pump();
    }
    const message = "The server does not answer. Try again in a moment.";
    this.fail(message);
    halt(message);
  }
}

// ---- All of them

// What the controls say, without what is empty.
function read() {
  const entries = [...new FormData(form)].filter(
    ([name, value]) => value !== "" && !["image", "csrf", "scope"].includes(name),
  );
  return Object.fromEntries(entries);
}

function pump() {
  if (Date.now() < resting) return;
  let free = AT_ONCE - rows.filter(({ request }) => request).length;
  for (const row of rows) {
    if (free <= 0) break;
    if (row.state !== "waiting") continue;
    row.send();
    free -= 1;
  }
}

function rest(seconds) {
  resting = Date.now() + Math.max(1, seconds) * 1000;
  setTimeout(pump, Math.max(1, seconds) * 1000 + 50);
}

// What goes for one goes for all that wait.
function halt(message) {
  for (const row of rows) if (row.state === "waiting") row.fail(message);
  tell(message);
}

function tell(message) {
  const fault = find("fault");
  fault.hidden = !message;
  fault.textContent = message ?? "";
}

function add(files) {
  tell();
  const fragment = document.createDocumentFragment();
  for (const file of files) {
    const row = new Row(file);
    rows.push(row);
    fragment.append(row.element);
    if (file.size > maxSize) {
      row.fail(`The file has ${size(file.size)}; ${Math.round(maxSize / 1048576)} MB is the most that is taken here.`, { hopeless: true });
    } else if (!file.size) row.fail("The file is empty.", { hopeless: true });
  }
  list.append(fragment);
  if (!shown) show(rows.find(({ state }) => state !== "failed") ?? null);
  look();
  pump();
}

function remove(row) {
  const next = (row.element.nextElementSibling ?? row.element.previousElementSibling)?.row;
  forget(row);
  if (shown === row) show(next ?? null);
  (next?.part("remove") ?? input).focus();
  pump();
}

function forget(row) {
  const request = row.request;
  row.request = null;
  request?.abort();
  row.element.remove();
  rows = rows.filter((each) => each !== row);
  look();
}

function show(row) {
  shown?.part("show").removeAttribute("aria-current");
  shown = row;
  row?.part("show").setAttribute("aria-current", "true");
  if (row && scope() === "one") write(row.wish);
  look();
}

// Once a frame, however much has happened.
function look() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    const done = rows.filter(({ state }) => state === "done");
    const failed = rows.filter(({ state }) => state === "failed");
    const sum = (name) => done.reduce((total, { result }) => total + result[name], 0);
    const totals = { done: `${done.length} of ${rows.length}`, before: "–", after: "–", saved: "–" };
    if (done.length) {
      const [before, after] = [sum("before"), sum("after")];
      Object.assign(totals, { before: size(before), after: size(after), saved: saving(before, after) });
    }
    for (const [name, text] of Object.entries(totals)) {
      document.querySelector(`[data-total="${name}"]`).textContent = text;
    }
    const over = done.length + failed.length === rows.length;
    find("status").textContent = over
      ? `${failed.length ? `${failed.length} could not be made smaller. ` : ""}${done.length} done.`
      : "Working…";
    archive.results.value = done.map(({ result }) => `${result.id}.${result.token}`).join(" ");
    archive.querySelector("button").disabled = !done.length;
    find("retry-all").hidden = !failed.some(({ hopeless }) => !hopeless);
    find("results").hidden = !rows.length;
    find("why").hidden = Boolean(rows.length);
    find("scope").hidden = rows.length < 2;
    document.body.classList.toggle("busy", Boolean(rows.length));
    const detail = { row: shown, texts: shown && texts(shown) };
    document.dispatchEvent(new CustomEvent("pixmill:show", { detail }));
  });
}

// ---- Controls

let everyone = read();
const scope = () => form.elements.scope.value;

function write(wish) {
  for (const element of form.elements) {
    if (!element.name || ["image", "csrf", "scope"].includes(element.name)) continue;
    if (element.type === "radio") element.checked = wish[element.name] === element.value;
    else if (element.type === "checkbox") element.checked = element.name in wish;
    else if (element.type !== "button") element.value = wish[element.name] ?? "";
  }
  reflect();
}

function reflect() {
  const { look: chosen, quality } = form.elements;
  find("quality").textContent = chosen.value === "smart" ? quality.value : "";
  quality.disabled = chosen.value !== "smart";
  find("target").hidden = chosen.value !== "target";
  find("look-note").textContent = quality.disabled
    ? `The look is “${chosen.selectedOptions[0].text}”, chosen below.`
    : "Looks like a JPEG of that quality.";
}

function change() {
  const wish = read();
  if (scope() === "one" && shown) shown.own = wish;
  else {
    everyone = wish;
    for (const row of rows) row.own = null;
  }
  const same = (row) => JSON.stringify(row.sent) === JSON.stringify(row.wish);
  for (const row of rows) if (row.sent && !same(row)) row.wait();
}

form.addEventListener("input", (event) => {
  if (!event.target.name || event.target === input) return;
  if (event.target.name === "scope") {
    write(scope() === "one" && shown ? shown.wish : everyone);
    return;
  }
  reflect();
  clearTimeout(settling);
  if (form.checkValidity()) settling = setTimeout(change, SETTLE);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  form.reportValidity();
});

find("clear").addEventListener("click", () => {
  for (const row of rows) forget(row);
  show(null);
  tell();
  input.focus();
});
find("retry-all").addEventListener("click", () => {
  tell();
  for (const row of rows) if (row.state === "failed" && !row.hopeless) row.wait();
});

// First asked whether it will work, so that no page of errors takes the place of this one.
archive.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(archive.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(archive)),
    });
    if (answer.status !== 204) throw new Error((await answer.json()).message);
    archive.submit();
  } catch (error) {
    tell(error instanceof TypeError ? "The server does not answer. Try again in a moment." : error.message);
  }
});

document.addEventListener("pixmill:files", ({ detail }) => add(detail));

// Disabled without a script, and by browsers that come back to the page as it was.
write(everyone);
