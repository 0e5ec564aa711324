// Tells when a panel stands there whole, and how long keys take.
(() => {
  const FASTEST = 16;
  let count = 0;
  let pressedAt;
  let openedAt;
  let keys = [];

  const look = () => {
    if (pressedAt === undefined || openedAt !== undefined) return;
    const turns = document.querySelectorAll(".sm-panel .sm-turn .sm-answer:not(:empty)");
    if (turns.length < count) return;
    // The frame after the next has shown it.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        openedAt ??= performance.now();
      }),
    );
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
    },
    opened: () => (openedAt === undefined ? 0 : openedAt - pressedAt),
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
