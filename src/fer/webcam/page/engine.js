// The page's engine, as the panel sees it: it loads the libraries and hands frames to the worker.

import {grabBitmap} from "./capture.js";

const ADDRESS = "https://cdn.jsdelivr.net/npm/";

// worker, rules: from the kernel. libraries: what loadLibraries promised. requestPiece(i): resolves to {file, pieces}, and
// the i-th of so many pieces of the kernel's files as a blob.
// Resolves to {recognise(element, seconds, isFirst), close()} once all is there.
export async function loadEngine({worker, rules}, libraries, requestPiece) {
  const [loaded, files] = await Promise.all([libraries, loadFiles(requestPiece)]);
  const {ask, close} = startWorker(worker);
  await ask({kind: "load", libraries: loaded, files, rules});
  return {
    close,
    async recognise(element, seconds, isFirst) {
      const bitmap = await grabBitmap(element);
      return {kind: "faces", ...await ask({kind: "frame", bitmap, seconds, isFirst}, [bitmap])};
    },
  };
}

// Fetches what the worker needs; whatever is not what it was when its hash was noted is refused.
export async function loadLibraries(libraries) {
  const variant = hasRelaxedSimd() ? "fast" : "compatible";
  const names = {opencv: "opencv", litert: "litert", litertLoader: "litertLoader",
    script: `${variant}Script`, binary: `${variant}Binary`};
  return Object.fromEntries(await Promise.all(Object.entries(names).map(async ([name, listed]) => {
    const [path, integrity] = libraries[listed];
    const response = await fetch(ADDRESS + path, {integrity, referrerPolicy: "no-referrer"});
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const type = name === "binary" ? "application/wasm" : "text/javascript";
    return [name, new Blob([await response.arrayBuffer()], {type})];
  })));
}

// Tells whether WebAssembly has instructions with which the network takes half as long: a module of one of them.
function hasRelaxedSimd() {
  return WebAssembly.validate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13,
    0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11));
}

async function loadFiles(requestPiece) {
  const pieces = {};
  let count = 1;
  for (let i = 0; i < count; i++) {
    const {file, pieces: total, pictures: [piece], text} = await requestPiece(i);
    if (text) throw new Error(text);
    count = total;
    (pieces[file] ??= []).push(piece);
  }
  const joined = Object.entries(pieces).map(async ([file, blobs]) =>
    [file, new Uint8Array(await new Blob(blobs).arrayBuffer())]);
  return Object.fromEntries(await Promise.all(joined));
}

function startWorker(source) {
  const worker = new Worker(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const waiting = new Map();
  let id = 0;
  worker.onmessage = ({data}) => {
    const {resolve, reject} = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) reject(new Error(data.error));
    else resolve(data);
  };
  worker.onerror = event => waiting.forEach(({reject}) => reject(new Error(event.message)));
  const ask = (message, transferred = []) => new Promise((resolve, reject) => {
    waiting.set(++id, {resolve, reject});
    worker.postMessage({...message, id}, transferred);
  });
  return {ask, close: () => worker.terminate()};
}
