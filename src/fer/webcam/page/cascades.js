// Runs OpenCV's cascades over a picture and fuses what several runs detect: fer.faces.cascades, in the page.
// A box is [x, y, width, height]; one that was found has its votes, or its score, after these.

import {rules, sum} from "./rules.js";

const cascades = {};
const temporary = []; // what OpenCV allocated for the frame: JavaScript does not free it by itself

export function keep(object) {
  temporary.push(object);
  return object;
}

export function freeTemporary() {
  temporary.splice(0).forEach(object => object.delete());
}

export function loadCascade(name, xml) {
  cv.FS_createDataFile("/", name, xml, true, false, false);
  cascades[name] = new cv.CascadeClassifier();
  if (!cascades[name].load(name)) throw new Error(`OpenCV cannot read its cascade ${name}`);
}

export function runCascade(name, grey, scaleFactor, minSide, maxSide = 0, minNeighbours = 1) {
  const boxes = keep(new cv.RectVector());
  const votes = keep(new cv.IntVector());
  const [least, most] = [new cv.Size(minSide, minSide), new cv.Size(maxSide, maxSide)];
  cascades[name].detectMultiScale2(grey, boxes, votes, scaleFactor, minNeighbours, 0, least, most);
  return Array.from({length: boxes.size()}, (_, index) => {
    const {x, y, width, height} = boxes.get(index);
    const growth = width * (1 / (rules.RELATIVE_BOX_SIDE[name] ?? 1) - 1);
    return [x - growth / 2, y - growth / 2, width + growth, height + growth, votes.get(index)];
  });
}

// Fuses boxes of the same face, the one with most votes first; its score adds up the square roots of each run's votes.
export function fuseAndScore(runs) {
  let left = runs.flatMap((run, number) => run.map(box => ({box, number}))).sort(byVotes);
  const fused = [];
  while (left.length) {
    const isSame = ({box}) => intersectionOverUnion(box, left[0].box) > rules.IOU_THRESHOLD;
    const same = left.filter(isSame);
    const votes = sum(same.map(({box}) => box[4]));
    const mean = [0, 1, 2, 3].map(side => sum(same.map(({box}) => box[side] * box[4])) / votes);
    const votesOfRuns = runs.map((_, run) => sum(same.filter(({number}) => number === run).map(({box}) => box[4])));
    fused.push([...mean, sum(votesOfRuns.map(Math.sqrt))]);
    left = left.filter(found => !isSame(found));
  }
  return fused;
}

function byVotes({box: a}, {box: b}) { // then by size and place, so that the order of the runs decides nothing
  return b[4] - a[4] || a[3] - b[3] || a[2] - b[2] || a[1] - b[1] || a[0] - b[0];
}

function intersectionOverUnion(one, other) {
  const overlap = side => Math.max(0, Math.min(one[side] + one[side + 2], other[side] + other[side + 2])
    - Math.max(one[side], other[side]));
  const intersection = overlap(0) * overlap(1);
  return intersection / (one[2] * one[3] + other[2] * other[3] - intersection);
}
