// Finds and names the faces of frames: in the page, or where that cannot be, in the kernel.

import {grabFrame} from "./capture.js";
import {loadEngine, loadLibraries} from "./engine.js";

const LIBRARIES_TIMEOUT = 5; // seconds from the start of the camera, then frames go to the kernel
const FALLBACK = "This page cannot find faces by itself, so frames go to the kernel.";

// sources: of the engine, from the kernel. request(message, frame): resolves to the kernel's reply.
export function createRecognition(sources, request, quality) {
  let loading = null; // {engine: promise, of null where there is none; areInTime: promise, of whether the libraries are}

  function prepare() {
    loading ??= load();
    return loading;
  }

  function load() {
    const libraries = loadLibraries(sources.libraries);
    const areLate = sleep(1000 * LIBRARIES_TIMEOUT).then(() => false);
    const own = {areInTime: Promise.race([libraries.then(() => true, () => true), areLate])};
    own.engine = loadEngine(sources, libraries, piece => request({kind: "piece", piece}))
      .catch(error => giveUp(own, error));
    return own;
  }

  function giveUp(own, error) {
    console.warn(`The page's own recognition is not used: ${error.message}`);
    close(own); // tried again the next time
    return null;
  }

  function close(own = loading) {
    own?.engine.then(engine => engine?.close());
    if (loading === own) loading = null;
  }

  return {
    prepare,
    close,
    // Resolves to {notice, recognise(seconds, isFirst)} for the frames of a source. Where the libraries do not come, the
    // kernel goes on by itself; if they only come late, they serve the next time.
    async begin(source) {
      if (source.showNext) return {notice: "", recognise: () => source.showNext()};
      const own = prepare();
      let engine = await Promise.race([own.engine, own.areInTime.then(areInTime => (areInTime ? own.engine : null))]);
      return {
        notice: engine ? "" : FALLBACK,
        async recognise(seconds, isFirst) {
          if (!engine) return request({kind: "frame", seconds}, grabFrame(source.element, quality));
          try {
            return await engine.recognise(source.element, seconds, isFirst);
          } catch (error) {
            engine = giveUp(own, error);
            return {kind: "fallback", text: FALLBACK};
          }
        },
      };
    },
  };
}

export function sleep(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

// trips: {received, total, work} of the last frames, in milliseconds. reply: the last one; only the page's have rows.
export function describeSpeed(trips, {rows, skipped}) {
  const median = values => values.sort((a, b) => a - b)[values.length >> 1];
  const seconds = (trips.at(-1).received - trips[0].received) / 1000;
  const rate = trips.length > 1 ? ((trips.length - 1) / seconds).toFixed(1) : "-";
  const total = Math.round(median(trips.map(trip => trip.total)));
  const work = Math.round(median(trips.map(trip => trip.work)));
  const way = rows ? "from frame to overlay, in the page" : "round trip to the kernel";
  const lost = skipped ? `, ${skipped} unreadable skipped` : "";
  return `${rate} pictures/s, ${total} ms ${way} (${work} ms of it finding and naming faces)${lost}`;
}
