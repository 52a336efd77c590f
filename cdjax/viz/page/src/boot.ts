// Unpacks the page's own style and script, which are deflated to keep the file small. The policy of
// the page names both by the hashes of what comes out, so nothing else can run.

const unpack = (id: string) => {
  const packed = atob(document.getElementById(id)!.textContent!);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
};

interface Policy {
  createScript(text: string): string;
}
interface Policies {
  createPolicy(name: string, rules: Policy): Policy;
}

const boot = async () => {
  const style = document.createElement("style");
  style.textContent = await unpack("style");
  const script = document.createElement("script");
  const code = await unpack("script");
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  const policy = policies?.createPolicy("cdjax", { createScript: (text) => text });
  script.textContent = policy ? policy.createScript(code) : code;
  document.head.append(style, script);
};

boot().catch((error: unknown) => {
  document.getElementById("page")!.textContent =
    `This browser cannot show the page (${String(error)}). It needs Chrome 103, Firefox 113, Safari 16.4 or later.`;
});
