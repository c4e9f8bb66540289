// Carry out the orders of peers.py for face-api or human, on TensorFlow.js' WebAssembly backend: see answer.py.
const fs = require("fs");
const path = require("path");
const readline = require("readline");

const modules = path.resolve("node_modules");
const load = (name) => require(path.join(modules, name));
const ENLARGED = 1.4;  // human's face.detector.scale
const wasm = path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/");
// Both ask for their files as a browser does.
globalThis.fetch = async (url) => new Response(fs.readFileSync(String(url).replace("file://", "")));

async function loadFaceApi() {
  load("@tensorflow/tfjs-backend-wasm").setWasmPaths(wasm);
  const faceapi = load("@vladmandic/face-api/dist/face-api.node-wasm.js");
  await faceapi.tf.setBackend("wasm");
  await faceapi.tf.ready();
  const weights = path.join(modules, "@vladmandic/face-api/model");
  await faceapi.nets.ssdMobilenetv1.loadFromDisk(weights);
  await faceapi.nets.faceExpressionNet.loadFromDisk(weights);
  const labels = ["angry", "happy", "sad", "surprised", "neutral"];
  const box = (face) => [face.box.x, face.box.y, face.box.width, face.box.height];
  return {
    tf: faceapi.tf,
    find: async (image) => (await faceapi.detectAllFaces(image)).map(box),
    recognise: async (image) => (await faceapi.detectAllFaces(image).withFaceExpressions()).map((face) => box(face.detection)),
    classify: async (crop) => {
      const answer = await faceapi.nets.faceExpressionNet.predictExpressions(crop);
      return labels.map((label) => answer[label]);
    },
  };
}

async function loadHuman() {
  const {Human} = load("@vladmandic/human/dist/human.node-wasm.js");
  const off = {enabled: false};
  // What expressions need, each frame anew; its defaults also look for hands and bodies, and for one face only.
  const human = new Human({
    backend: "wasm", wasmPath: wasm, modelBasePath: `file://${path.join(modules, "@vladmandic/human/models/")}`,
    cacheSensitivity: 0, filter: off, gesture: off, body: off, hand: off, object: off,
    face: {detector: {maxDetected: 100}, mesh: off, iris: off, description: off, emotion: {enabled: true}},
  });
  await human.init();
  await human.load();
  const {tf} = human;
  const recognise = async (image) => {
    const batch = tf.expandDims(image, 0);
    const {face} = await human.detect(batch);
    tf.dispose(batch);
    return face.map(({box: [x, y, width, height]}) => [  // as detected: it enlarges them for what comes next
      x + width * (1 - 1 / ENLARGED) / 2, y + height * (1 - 1 / ENLARGED) / 2, width / ENLARGED, height / ENLARGED]);
  };
  return {
    tf, recognise, find: recognise,
    classify: async (crop) => {  // as its emotion module prepares a face
      const answer = tf.tidy(() => {
        const grey = tf.mul(tf.slice(tf.image.resizeBilinear(crop, [64, 64]), [0, 0, 0], [64, 64, 1]), 1 / 255);
        return human.models.models.emotion.execute(tf.expandDims(tf.mul(tf.sub(grey, 0.5), 2), 0));
      });
      const values = await answer.data();
      tf.dispose(answer);
      return [0, 3, 4, 5, 6].map((index) => values[index]);
    },
  };
}

/** Return the shape of an .npy file of uint8, and a function for the bytes of its entries, read as they are wanted. */
function openNpy(file) {
  const content = fs.openSync(file);
  const read = (start, size) => {
    const bytes = Buffer.alloc(size);
    fs.readSync(content, bytes, 0, size, start);
    return bytes;
  };
  const start = 10 + read(8, 2).readUInt16LE();
  const words = /'shape': \(([^)]*)\)/.exec(read(10, start - 10).toString("latin1"))[1].split(",");
  const shape = words.filter((word) => word.trim()).map(Number);
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  return {shape, entry: (index) => read(start + index * size, size), close: () => fs.closeSync(content)};
}

async function main(name) {
  console.log = () => {};  // what a package prints is no answer
  const program = await {"face-api": loadFaceApi, human: loadHuman}[name]();
  const {tf} = program;
  for await (const line of readline.createInterface({input: process.stdin})) {
    const order = JSON.parse(line);
    const {shape, entry, close} = openNpy(order.path);
    const picture = (index) => tf.tidy(() => {
      const values = Int32Array.from(entry(index));
      if (shape.length === 4) return tf.tensor3d(values, shape.slice(1), "int32");
      return tf.tile(tf.tensor3d(values, [...shape.slice(1), 1], "int32"), [1, 1, 3]);  // grey crops
    });
    let results = [], milliseconds = [];
    for (const index of order.indices ?? Array(shape[0]).keys()) {
      const image = picture(index);
      const start = performance.now();
      results.push(await (program[order.what] ?? program.recognise)(image));
      milliseconds.push(performance.now() - start);
      tf.dispose(image);
    }
    if (order.indices === null) {  // crops
      results = [results.map((shares) => shares.indexOf(Math.max(...shares)))];
      milliseconds = [milliseconds.reduce((sum, each) => sum + each, 0)];
    }
    close();
    const megabytes = Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
    process.stdout.write(JSON.stringify({milliseconds, results, megabytes}) + "\n");
  }
}

main(process.argv[2]);
