// The messages to the kernel: one is under way at a time, and each has one reply, so nothing can queue up.

const REPLY_TIMEOUT = 9; // seconds; then the kernel counts as gone, and before the tenth the camera is off

// transmit(message, frame): sends to the kernel.
export function createChannel(transmit) {
  let pending = null;
  let last = Promise.resolve();
  let id = Math.floor(1e9 * Math.random()); // two views of one widget receive the same replies
  const exchange = (message, frame) => new Promise((resolve, reject) => {
    id += 1;
    const timer = setTimeout(() => {
      pending = null;
      reject(new Error(`The kernel has not answered for ${REPLY_TIMEOUT} seconds: it is busy, or gone.`));
    }, 1000 * REPLY_TIMEOUT);
    pending = {id, resolve, timer};
    transmit({...message, id}, frame);
  });
  return {
    isIdle: () => pending === null,
    request: (message, frame) => (last = last.catch(() => {}).then(() => exchange(message, frame))),
    receive(reply, pictures) {
      if (!pending || pending.id !== reply.id) return;
      const {resolve, timer} = pending;
      clearTimeout(timer);
      pending = null;
      resolve({...reply, pictures});
    },
  };
}
