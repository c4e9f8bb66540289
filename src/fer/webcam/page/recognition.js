// Finds and names the faces of frames: in the page, or where that cannot be, in the kernel.

import {grabFrame} from "./capture.js";
import {loadEngine, loadLibraries} from "./engine.js";

const LIBRARIES_TIMEOUT = 5; // seconds from the start of the camera, then frames go to the kernel
const FALLBACK = "The page could not load what it needs to find faces by itself, so frames go to the kernel.";

// sources: of the engine, from the kernel. request(message, frame): resolves to the kernel's reply.
export function createRecognition(sources, request, quality) {
  let engine = null;
  let loading = null; // resolves when it is known whether there will be an engine

  // Where the libraries do not come, the kernel goes on by itself; if they only come late, they serve the next time.
  async function load() {
    const libraries = loadLibraries(sources.libraries);
    const loads = loadEngine(sources, libraries, piece => request({kind: "piece", piece})).then(loaded => {
      if (loading) engine = loaded;
      else loaded.close(); // the panel was closed meanwhile
    }, error => {
      loading = null; // tried again at the next start
      console.warn(`The page's own recognition is not used: ${error.message}`);
    });
    const areLate = sleep(1000 * LIBRARIES_TIMEOUT).then(() => Promise.reject());
    await Promise.race([libraries, areLate]).then(() => loads, () => {});
  }

  return {
    prepare() { loading ??= load(); },
    close() {
      engine?.close();
      engine = loading = null;
    },
    // Resolves to {inPage, notice, recognise(seconds, isFirst)} for the frames of a source.
    async begin(source) {
      if (source.showNext) return {inPage: false, notice: "", recognise: () => source.showNext()};
      await loading;
      let used = engine;
      return {
        inPage: Boolean(used),
        notice: used ? "" : FALLBACK,
        async recognise(seconds, isFirst) {
          if (!used) return request({kind: "frame", seconds}, grabFrame(source.element, quality));
          try {
            return await used.recognise(source.element, seconds, isFirst);
          } catch (error) {
            used = null;
            return {kind: "error", text: `${FALLBACK} (${error.message})`};
          }
        },
      };
    },
  };
}

export function sleep(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

// trips: {received, total, work} of the last frames, in milliseconds.
export function describeSpeed(trips, skipped, inPage) {
  const median = values => values.sort((a, b) => a - b)[values.length >> 1];
  const seconds = (trips.at(-1).received - trips[0].received) / 1000;
  const rate = trips.length > 1 ? ((trips.length - 1) / seconds).toFixed(1) : "-";
  const total = Math.round(median(trips.map(trip => trip.total)));
  const work = Math.round(median(trips.map(trip => trip.work)));
  const way = inPage ? "from frame to overlay, in the page" : "round trip to the kernel";
  const lost = skipped ? `, ${skipped} unreadable skipped` : "";
  return `${rate} pictures/s, ${total} ms ${way} (${work} ms of it finding and naming faces)${lost}`;
}
