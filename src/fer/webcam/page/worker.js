// The page's engine, in a worker of its own so that the page stays quick: frames in, faces out.

import {freeTemporary, keep, loadCascade} from "./cascades.js";
import {cropFace, redetectFaces} from "./detection.js";
import {rules} from "./rules.js";
import {describeFace, smoothBoxes, trackFaces} from "./tracking.js";

const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", {willReadFrequently: true});
let classify;
let tracks, boxes, frameCount, faceCount;

const handlers = {
  async load({libraries, files, rules: received}) {
    Object.assign(rules, received);
    await Promise.all([loadOpenCV(libraries, files), loadNetwork(libraries, files["network"])]);
  },
  // bitmap: what the camera shows, taken at so many seconds; the first frame of a recording starts anew.
  async frame({bitmap, seconds, isFirst}) {
    if (isFirst) [tracks, boxes, frameCount, faceCount] = [[], [], 0, 0];
    try {
      const grey = toGrey(bitmap);
      boxes = smoothBoxes(boxes, redetectFaces(grey, frameCount++ % rules.FULL_SEARCH_INTERVAL ? boxes : []));
      const probabilities = [];
      for (const box of boxes) probabilities.push(await classify(cropFace(grey, box)));
      tracks = trackFaces(tracks, boxes, probabilities, seconds, () => ++faceCount);
      const found = tracks.slice(0, boxes.length);
      const rows = found.filter(({face}) => face)
        .flatMap(({face, rows}) => rows.map(([taken, ...values]) => [taken, face, ...values]));
      return {faces: found.map(describeFace), rows};
    } finally {
      freeTemporary();
    }
  },
};

onmessage = async ({data: {id, kind, ...message}}) => {
  const start = performance.now();
  try {
    const reply = await handlers[kind](message);
    postMessage({id, ...reply, milliseconds: performance.now() - start});
  } catch (error) {
    postMessage({id, error: String(error?.message ?? error)});
  }
};

function toGrey(bitmap) {
  const {width, height} = bitmap;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const colour = keep(cv.matFromImageData(context.getImageData(0, 0, width, height)));
  const grey = keep(new cv.Mat());
  cv.cvtColor(colour, grey, cv.COLOR_RGBA2GRAY);
  return grey;
}

async function loadOpenCV(libraries, files) {
  importScripts(URL.createObjectURL(libraries.opencv));
  delete cv.then; // a promise that resolves to itself: to await it would never end
  if (!cv.Mat) await new Promise(resolve => { cv.onRuntimeInitialized = resolve; });
  for (const [name, content] of Object.entries(files)) if (name !== "network") loadCascade(name, content);
}

async function loadNetwork(libraries, content) {
  const script = await libraries.litert.text();
  const loader = URL.createObjectURL(libraries.litertLoader);
  const resolved = script.replace('"@litertjs/wasm-utils"', JSON.stringify(loader)); // a worker has no import map
  const litert = await import(URL.createObjectURL(new Blob([resolved], {type: "text/javascript"})));
  self.Module = {wasmBinary: await libraries.binary.arrayBuffer()};
  await litert.loadLiteRt(`${URL.createObjectURL(libraries.script)}#.js`); // it looks at the ending
  const network = await litert.loadAndCompile(content, {accelerator: "wasm"});
  const shape = [1, rules.SIDE, rules.SIDE, 1];
  classify = async crop => {
    const input = new litert.Tensor(Float32Array.from(crop), shape);
    const [output] = await network.run(input);
    const probabilities = Array.from(await output.data());
    input.delete();
    output.delete();
    return probabilities;
  };
}
