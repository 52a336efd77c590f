// Builds review.html and report.html, pages without their data: `npm ci && npm run build`.
// `node build.mjs FOLDER` writes there instead, so that a test can compare.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? here;
const PAGES = { review: ["preact"], report: ["preact", "minisearch"] }; // and what each is made with

const sha256 = (content, encoding) => createHash("sha256").update(content).digest(encoding);

/** The digest of all that a page is built of, which tells a page that is older than its sources. */
function digestSources() {
  const names = readdirSync(join(here, "src"))
    .sort()
    .map((name) => join("src", name));
  const digest = createHash("sha256");
  for (const name of ["build.mjs", "package-lock.json", ...names]) {
    digest.update(sha256(readFileSync(join(here, name)), "hex"));
  }
  return digest.digest("hex");
}

/** What the licences of packages ask for: they stay with every copy. */
const licence = (packages) =>
  packages
    .map((name) => {
      const folder = join(here, "node_modules", name);
      const file = readdirSync(folder).find((file) => file.startsWith("LICENSE"));
      return `/*! ${name}:\n${readFileSync(join(folder, file), "utf8").trim()}\n*/`;
    })
    .join("\n");

async function bundle(entry, options) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    target: ["chrome103", "firefox113", "safari16.4"], // the first that inflate data themselves
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    ...options,
  });
  return result.outputFiles[0].text.trim();
}

const pack = (text) => deflateRawSync(Buffer.from(text), { level: 9 }).toString("base64");
const hash = (text) => `'sha256-${sha256(text, "base64")}'`;

for (const [page, packages] of Object.entries(PAGES)) {
  const style = await bundle(`${page}.css`, {});
  const script = await bundle(`${page}.tsx`, {
    format: "iife",
    banner: { js: licence(packages) },
  });
  const boot = await bundle("boot.ts", { format: "iife" });
  if (/<\/script|<!--/i.test(boot)) throw new Error("the script ends its element");
  const policy = [
    "default-src 'none'",
    `script-src ${hash(boot)} ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types cdjax",
  ].join("; ");
  const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<!-- Made by cdjax; of the sources ${digestSources()} -->
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{{title}}</title>
</head>
<body>
<div id="page"></div>
<noscript><pre>{{summary}}</pre></noscript>
<script type="application/json" id="data">{{data}}</script>
<script type="application/octet-stream" id="style">${pack(style)}</script>
<script type="application/octet-stream" id="script">${pack(script)}</script>
<script>${boot}</script>
</body>
</html>
`;
  writeFileSync(join(folder, `${page}.html`), html);
  console.log(
    `${page}.html: ${html.length} bytes; unpacked script ${script.length}, style ${style.length}`,
  );
}
