// Keeps the long tasks of a page, and when the live view was taken away.
(() => {
  let tasks = [];
  let wasLive = false;
  let swappedAt;

  new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({
    entryTypes: ["longtask"],
  });

  const live = () => document.querySelector(".jp-OutputArea-output .sm-live");

  // Called in the very task that changed the page.
  new MutationObserver(() => {
    if (live()) wasLive = true;
    else if (wasLive) swappedAt ??= performance.now();
  }).observe(document, { childList: true, subtree: true });

  const root = () => document.querySelector(".jp-OutputArea-output .sm-reply:not(.sm-live)");

  window.stepFigures = {
    begin() {
      tasks = [];
      wasLive = false;
      swappedAt = undefined;
    },

    // Only the last paragraph: all of the text would leave garbage to collect.
    shows: (words) =>
      [...(live()?.querySelectorAll("p") ?? [])].at(-1)?.textContent.includes(words),

    /** Whether the final answer is shown, with all its formulas typeset. */
    isSettled: () =>
      [...(root()?.querySelectorAll(".sm-maths") ?? [null])].every((maths) =>
        maths?.querySelector("mjx-container"),
      ),

    /** The longest task, in ms, that was over before the swap; 0 for none over 50. */
    longest: () =>
      Math.max(
        0,
        ...tasks
          .filter((task) => task.startTime + task.duration <= swappedAt)
          .map((task) => task.duration),
      ),
  };
})();
