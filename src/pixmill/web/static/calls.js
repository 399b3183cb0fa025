// The call that does with a program what was just done with the page.

const form = document.querySelector("#tool");
const section = document.querySelector("[data-calls]");
const code = section.querySelector("[data-code]");
const copy = section.querySelector("[data-copy]");
const panel = section.querySelector("#call");
const tabs = [...section.querySelectorAll("[role=tab]")];
const { base, key } = form.dataset;

let call = null;
let language = "curl";

const text = JSON.stringify;
const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;
const quotable = (value) => (/["$`\\!]/.test(value) ? quoted(value) : `"${value}"`);

// Which API does it, with which fields. Only one of them makes a size exactly.
function callFor(wish, name) {
  const exact = wish.fit === "exact" && (wish.width || wish.height);
  const fields = {};
  if (wish.format !== "same") fields.format = wish.format;
  if (wish.look === "smart") Object.assign(fields, { quality: wish.quality, smart: "true" });
  else if (wish.look === "target") fields.target = wish.target;
  else fields.mode = wish.look;
  if (wish.max_kb) fields.max_bytes = String(Math.max(1, Math.round(wish.max_kb * 1000)));
  for (const side of ["width", "height"]) if (wish[side]) fields[side] = wish[side];
  if (wish.keep_exif) Object.assign(fields, exact ? { strip_exif: "false" } : { keep_exif: "true" });
  return exact
    ? {
        api: ["OptiPic", "/apis/optipic"],
        path: "/v1/resize",
        file: "file",
        header: ["Authorization", `Bearer ${key}`],
        fields,
        name,
        output: `small-${name.replace(/\.[^.]*$/, "")}`,
      }
    : {
        api: ["Optimagio", "/apis/optimagio"],
        path: "/api/optimize",
        file: "image",
        header: ["X-API-Key", key],
        fields,
        name,
      };
}

const languages = {
  curl: ({ path, file, header, fields, name, output }) =>
    [
      `curl ${base}${path}`,
      `-H ${quotable(header.join(": "))}`,
      `-F ${/[",;]/.test(name) ? quoted(`${file}=@${text(name)}`) : quotable(`${file}=@${name}`)}`,
      ...Object.entries(fields).map(([field, value]) => `-F "${field}=${value}"`),
      ...(output ? [`-o ${quotable(output)}`] : []),
    ].join(" \\\n  "),
  Python: ({ path, file, header, fields, name, output }) =>
    [
      "import requests",
      "",
      "answer = requests.post(",
      `    "${base}${path}",`,
      `    headers={${text(header[0])}: ${text(header[1])}},`,
      `    files={"${file}": open(${text(name)}, "rb")},`,
      `    data={${Object.entries(fields).map((pair) => pair.map(text).join(": ")).join(", ")}},`,
      ")",
      "answer.raise_for_status()",
      output
        ? `open(${text(output)}, "wb").write(answer.content)`
        : 'print(answer.json()["optimized_url"])',
    ].join("\n"),
  Node: ({ path, file, header, fields, name, output }) =>
    [
      `import { openAsBlob${output ? ", writeFileSync" : ""} } from "node:fs";`,
      "",
      "const body = new FormData();",
      `body.append("${file}", await openAsBlob(${text(name)}), ${text(name)});`,
      ...Object.entries(fields).map(([field, value]) => `body.append("${field}", "${value}");`),
      `const answer = await fetch("${base}${path}", {`,
      '  method: "POST",',
      `  headers: { ${text(header[0])}: ${text(header[1])} },`,
      "  body,",
      "});",
      "if (!answer.ok) throw new Error(await answer.text());",
      output
        ? `writeFileSync(${text(output)}, Buffer.from(await answer.arrayBuffer()));`
        : "console.log((await answer.json()).optimized_url);",
    ].join("\n"),
};

function write() {
  if (!call) return;
  code.textContent = copy.dataset.copy = languages[language](call);
  const link = section.querySelector("[data-api]");
  [link.textContent, link.href] = call.api;
}

function choose(tab) {
  language = tab.dataset.language;
  for (const each of tabs) {
    each.setAttribute("aria-selected", each === tab);
    each.tabIndex = each === tab ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", tab.id);
  write();
}

for (const [number, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", ({ key: pressed }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[pressed];
    if (!step) return;
    const next = tabs.at((number + step) % tabs.length);
    choose(next);
    next.focus();
  });
}

document.addEventListener("pixmill:show", ({ detail: { row } }) => {
  section.hidden = !row?.result;
  call = row?.result ? callFor(row.result.wish, row.file.name) : null;
  write();
});
