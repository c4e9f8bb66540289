// The talk with the kernel: one message is under way at a time, and each has one answer, so nothing can queue up.

const ANSWER_WITHIN = 9; // seconds; then the kernel counts as gone, and before the tenth the camera is off

function createLink(transmit) {
  let waiting = null;
  let last = Promise.resolve();
  let number = Math.floor(1e9 * Math.random()); // two views of one widget hear the same answers
  const exchange = (message, picture) => new Promise((resolve, reject) => {
    const id = ++number;
    const timer = setTimeout(() => {
      waiting = null;
      reject(new Error(`The kernel has not answered for ${ANSWER_WITHIN} seconds: it is busy, or gone.`));
    }, 1000 * ANSWER_WITHIN);
    waiting = {id, settle(answer) { clearTimeout(timer); waiting = null; resolve(answer); }};
    transmit({...message, id}, picture);
  });
  return {
    idle: () => waiting === null,
    ask: (message, picture) => (last = last.catch(() => {}).then(() => exchange(message, picture))),
    receive(answer, pictures) {
      if (waiting && waiting.id === answer.id) waiting.settle({...answer, pictures});
    },
  };
}
