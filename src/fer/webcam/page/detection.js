// Detects the faces in a frame and crops them: fer.faces.detection and redetect_faces of fer.faces.tracking, in the page.

import {fuseAndScore, keep, runCascade} from "./cascades.js";
import {roundHalfEven, rules, sum} from "./rules.js";

// Detects the faces of the frame before again, each around its former box; or those of the whole frame.
export function redetectFaces(grey, former) {
  const found = former.flatMap(box => redetectFace(grey, box));
  const hasDuplicate = found.some((one, index) =>
    found.slice(index + 1).some(other => distance(one, other) < one[2] / 2));
  return found.length === 0 || found.length < former.length || hasDuplicate ? detectFast(grey) : sortByArea(found);
}

function redetectFace(grey, [x, y, width, height]) {
  const [left, top] = [Math.max(0, x - (width >> 1)), Math.max(0, y - (height >> 1))];
  const right = Math.min(grey.cols, x + width + (width >> 1));
  const bottom = Math.min(grey.rows, y + height + (height >> 1));
  if (right <= left || bottom <= top) return []; // frames of another size than before
  const region = keep(grey.roi(new cv.Rect(left, top, right - left, bottom - top)));
  const scale = rules.SIDE / width;
  const scaled = keep(new cv.Mat());
  cv.resize(region, scaled, new cv.Size(0, 0), scale, scale);
  cv.equalizeHist(scaled, scaled);
  const [least, most] = [roundHalfEven(0.7 * rules.SIDE), roundHalfEven(1.45 * rules.SIDE)];
  const found = runCascade(rules.ALT2, scaled, 1.2, least, most, 2).sort((a, b) => b[2] - a[2]).slice(0, 1);
  return found.map(box => [box[0] / scale + left, box[1] / scale + top, box[2] / scale, box[3] / scale]);
}

function detectFast(grey) {
  const upright = keepSureFaces(grey, ...proposeFaces(grey, rules.UPRIGHT_SIDE, [0]));
  if (upright.length) return suppressNonMaxima(upright);
  const tilted = fuseAndScore(proposeFaces(grey, rules.TILTED_SIDE, rules.TILT_ANGLES));
  return suppressNonMaxima(keepSureFaces(grey, tilted, rules.VERIFICATION_ANGLES));
}

function proposeFaces(grey, side, angles) {
  const scale = Math.min(1, side / Math.max(grey.cols, grey.rows));
  const upright = downscale(grey, scale);
  if (side <= rules.TILTED_SIDE) cv.equalizeHist(upright, upright);
  else keep(new cv.CLAHE(2, new cv.Size(8, 8))).apply(upright, upright);
  return angles.map(angle => {
    const [picture, back] = angle ? rotate(upright, angle) : [upright, point => point];
    return runCascade(rules.ALT2, picture, rules.COARSE, rules.MIN_FACE_SIDE).map(([x, y, width, height, votes]) => {
      const [centreX, centreY] = back([x + width / 2, y + height / 2]);
      return [...[centreX - width / 2, centreY - height / 2, width, height].map(value => value / scale), votes];
    });
  });
}

function keepSureFaces(grey, found, angles = [0]) {
  return found.filter(box => box[4] > rules.SURE || verificationScore(grey, box, angles) > 0);
}

function verificationScore(grey, [x, y, width], angles) {
  const side = roundHalfEven(1.7 * rules.VERIFIED_SIDE);
  const square = [x - 0.35 * width, y - 0.35 * width, 1.7 * width, 1.7 * width].map(roundHalfEven);
  const surroundings = cropAndResize(grey, square, side);
  return sum(angles.map(angle => {
    const rotation = keep(cv.getRotationMatrix2D(new cv.Point(side / 2, side / 2), angle, 1));
    const rotated = keep(new cv.Mat());
    cv.warpAffine(surroundings, rotated, rotation, new cv.Size(side, side), cv.INTER_LINEAR, cv.BORDER_REPLICATE);
    cv.equalizeHist(rotated, rotated);
    const [least, most] = [roundHalfEven(0.75 * rules.VERIFIED_SIDE), roundHalfEven(1.35 * rules.VERIFIED_SIDE)];
    const found = runCascade(rules.ALT, rotated, 1.1, least, most).filter(box =>
      Math.max(...centre(box).map(value => Math.abs(value - side / 2))) < rules.VERIFIED_SIDE / 4);
    return Math.sqrt(sum(found.map(box => box[4])));
  }));
}

function suppressNonMaxima(found) {
  const kept = [];
  for (const box of [...found].sort((a, b) => b[4] - a[4])) {
    const isInside = other => [0, 1].every(axis =>
      Math.abs(centre(box)[axis] - centre(other)[axis]) < Math.max(box[axis + 2], other[axis + 2]) / 2);
    if (!kept.some(isInside)) kept.push(box);
  }
  return sortByArea(kept);
}

function sortByArea(boxes) {
  return boxes.map(box => box.slice(0, 4).map(roundHalfEven)).sort((a, b) => b[2] * b[3] - a[2] * a[3]);
}

export function centre(box) {
  return [box[0] + box[2] / 2, box[1] + box[3] / 2];
}

export function distance(one, other) {
  const [[x, y], [otherX, otherY]] = [centre(one), centre(other)];
  return Math.hypot(x - otherX, y - otherY);
}

function downscale(grey, scale) {
  const size = new cv.Size(...[grey.cols, grey.rows].map(length => Math.max(1, roundHalfEven(length * scale))));
  let picture = grey;
  for (; scale <= 0.5 && Math.min(picture.cols, picture.rows) > 1; scale *= 2) {
    const half = keep(new cv.Mat());
    cv.resize(picture, half, new cv.Size(0, 0), 0.5, 0.5, cv.INTER_AREA);
    picture = half;
  }
  const scaled = keep(new cv.Mat());
  cv.resize(picture, scaled, size, 0, 0, cv.INTER_AREA);
  return scaled;
}

// Rotates a picture by degrees, without its corners; also returns the function from its points to those before.
function rotate(picture, angle) {
  const {cols, rows} = picture;
  const rotation = keep(cv.getRotationMatrix2D(new cv.Point(cols / 2, rows / 2), angle, 1));
  const [rotated, inverse] = [keep(new cv.Mat()), keep(new cv.Mat())];
  cv.warpAffine(picture, rotated, rotation, new cv.Size(cols, rows), cv.INTER_LINEAR, cv.BORDER_REPLICATE);
  cv.invertAffineTransform(rotation, inverse);
  const [a, b, c, d, e, f] = inverse.data64F;
  return [rotated, ([x, y]) => [a * x + b * y + c, d * x + e * y + f]];
}

// Returns the crop of a box, framed as in FER-2013, as side × side bytes.
export function cropFace(grey, [x, y, width, height]) {
  const side = Math.max(1, roundHalfEven(width / rules.BOX_IN_CROP));
  const square = [roundHalfEven(x + (width - side) / 2), roundHalfEven(y + (height - side) / 2), side, side];
  return cropAndResize(grey, square, rules.SIDE).data;
}

function cropAndResize(grey, [left, top, width, height], side) {
  const [crop, resized] = [keep(new cv.Mat()), keep(new cv.Mat())];
  const middle = new cv.Point(left + (width - 1) / 2, top + (height - 1) / 2);
  cv.getRectSubPix(grey, new cv.Size(width, height), middle, crop);
  cv.resize(crop, resized, new cv.Size(side, side), 0, 0, width > side ? cv.INTER_AREA : cv.INTER_CUBIC);
  return resized;
}
