// Runs in every frame before anything else does: reports what acts, and measures.
(() => {
  const ACTING = new Set(
    ("applet audio base button embed form frame iframe input link meta object script" +
      " select source style svg textarea video").split(" "),
  );
  const ADDRESSES = ["href", "src", "action", "formaction", "data", "xlink:href"];
  const ALLOWED = /^(https?:|mailto:)/i;
  const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,/;

  const report = (kind, detail) => window.stepReport(kind, String(detail));

  // What the attacks call.
  for (const name of ["alert", "confirm", "prompt", "msgbox"]) {
    window[name] = (word) => report("script", `${name}(${word})`);
  }
  addEventListener("securitypolicyviolation", (event) =>
    report("policy", event.blockedURI),
  );

  /** Whether an element is the panel's own, as its buttons are. */
  const isOwn = (element) =>
    element.closest(".sm-uses") ||
    (element.closest(".sm-panel") && !element.closest(".sm-reply"));

  /** What in an element of an output can act on the reader or the page. */
  function* faults(element) {
    if (isOwn(element)) return;
    const name = element.localName;
    if (ACTING.has(name)) yield `<${name}>`;
    const reply = element.parentElement?.closest(".sm-reply");
    for (const { name: key, value } of element.attributes) {
      const fault = `<${name} ${key}=${JSON.stringify(value)}>`;
      if (key.startsWith("on")) yield fault;
      if (ADDRESSES.includes(key)) {
        if (!(name === "img" ? IMAGE : ALLOWED).test(value)) yield fault;
      }
      if (key === "style" && /url\(|position:\s*(fixed|absolute)/i.test(value)) {
        yield fault;
      }
      // MathJax writes inside our elements too, but none of these.
      if (reply && (key === "id" || key.startsWith("data-command"))) yield fault;
      if (reply && key === "class" && /(^|\s)(jp|lm|cm)-/.test(value)) yield fault;
    }
  }

  function judge(node) {
    if (!(node instanceof Element)) return;
    const inside = node.closest(".jp-OutputArea-output")
      ? [node, ...node.querySelectorAll("*")]
      : node.querySelectorAll(".jp-OutputArea-output *");
    for (const element of inside) {
      for (const fault of faults(element)) report("element", fault);
    }
  }

  // Every frame of a stream passes here, however short it is shown.
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(judge);
  }).observe(document, { childList: true, subtree: true });

  const root = (output) => output.querySelector(".sm-reply") ?? output;

  /** What is not the model's text: reasoning, notes, footer, the status line. */
  const NOT_TEXT = "details, footer, .sm-note, .sm-waiting";

  const answer = (reply) =>
    [...reply.childNodes].filter(
      (node) => !(node instanceof Element && node.matches(NOT_TEXT)),
    );

  function text(output) {
    const reply = root(output).cloneNode(true);
    for (const element of reply.querySelectorAll(NOT_TEXT)) element.remove();
    return reply.textContent.trim();
  }

  /** Nodes as lines, without what is added later: typeset formulas, numbers that
   * JupyterLab's table of contents gives to headings. */
  function* shape(node) {
    if (node instanceof Text) {
      yield JSON.stringify(node.data);
    } else if (node.matches(".numbering-entry")) {
      return;
    } else if (node.matches(".sm-maths")) {
      yield `<${node.localName} maths>`;
    } else {
      const [href, kind] = ["href", "class"].map((key) => node.getAttribute(key) ?? "");
      yield `<${node.localName} ${href} ${kind}>`;
      for (const child of node.childNodes) yield* shape(child);
      yield `</${node.localName}>`;
    }
  }

  const written = (nodes) =>
    nodes
      .flatMap((node) => [...shape(node)])
      .filter((line) => line.trim() && line !== '"\\n"');

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return [...template.content.childNodes];
  }

  /** Keep every different text of a cell's first output, with its time in ms. */
  function follow(cell) {
    const seen = [];
    const look = () => {
      const output = cell.querySelector(".jp-OutputArea-output");
      const now = output ? text(output) : "";
      if (now !== (seen.at(-1)?.text ?? "")) {
        seen.push({ time: performance.now(), text: now });
      }
    };
    const timer = setInterval(look, 20);
    window.stepFollowed = { seen, began: performance.now(), stop: () => clearInterval(timer) };
  }

  function followed() {
    const { seen, began, stop } = window.stepFollowed;
    stop();
    return seen.map(({ time, text }) => ({ time_s: (time - began) / 1000, text }));
  }

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  /** Red, green, blue and alpha of any CSS colour. */
  function rgba(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }

  const over = ([r, g, b, a], below) => [
    ...[r, g, b].map((value, index) => value * a + below[index] * (1 - a)),
    1,
  ];

  function background(element) {
    if (!element) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, background(element.parentElement));
  }

  // WCAG 2.2, relative luminance and contrast ratio.
  function luminance(colour) {
    const [r, g, b] = colour
      .slice(0, 3)
      .map((value) => value / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ratio(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  function opacity(element) {
    return element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
  }

  const KINDS = { code: "pre, code", link: "a", quiet: "summary, small, footer", cell: "td, th" };

  /** The contrast of every piece of text that can be seen, with what it belongs to. */
  function contrasts(element) {
    const found = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const holder = walker.currentNode.parentElement;
      const words = walker.currentNode.data.trim();
      if (!words || !holder.checkVisibility() || holder.closest("mjx-container")) continue;
      const behind = background(holder);
      const [r, g, b, a] = rgba(getComputedStyle(holder).color);
      const colour = over([r, g, b, a * opacity(holder)], behind);
      const kind = Object.keys(KINDS).find((each) => holder.closest(KINDS[each]));
      found.push({
        kind: kind ?? "text",
        words: words.slice(0, 40),
        class: holder.className,
        ratio: ratio(colour, behind),
        colours: [colour, behind].map((each) => each.slice(0, 3).map(Math.round).join()),
      });
    }
    return found;
  }

  window.stepPage = {
    answer: (output) => written(answer(root(output))),
    contrasts,
    follow,
    followed,
    text,
    written: (html) => written(parsed(html)),
  };
})();
