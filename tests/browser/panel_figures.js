// Measures when a panel is shown completely, and how long keys take.
(() => {
  const FASTEST = 16;
  let count = 0;
  let pressedAt;
  let openedAt;
  let wholeAt;
  let keys = [];

  // The frame after the next has shown it.
  const shown = (note) => requestAnimationFrame(() => requestAnimationFrame(note));

  const look = () => {
    if (pressedAt === undefined || wholeAt !== undefined) return;
    const answers = ".sm-panel .sm-turn .sm-answer:not(:empty)";
    const turns = document.querySelectorAll(answers);
    if (turns.length) shown(() => (openedAt ??= performance.now()));
    if (turns.length >= count) shown(() => (wholeAt ??= performance.now()));
  };

  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") pressedAt = event.timeStamp;
    },
    true,
  );
  new PerformanceObserver((list) => keys.push(...list.getEntries())).observe({
    type: "event",
    durationThreshold: FASTEST,
  });

  window.stepPanel = {
    begin(turns) {
      count = turns;
      pressedAt = undefined;
      openedAt = undefined;
      wholeAt = undefined;
    },
    opened: () => (openedAt === undefined ? 0 : openedAt - pressedAt),
    whole: () => (wholeAt === undefined ? 0 : wholeAt - pressedAt),
    watchKeys() {
      keys = [];
    },
    slowestKey: () =>
      Math.max(
        FASTEST,
        ...keys
          .filter(({ name }) => ["keydown", "keypress", "input"].includes(name))
          .map(({ duration }) => duration),
      ),
  };
})();
