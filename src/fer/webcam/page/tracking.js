// Tracks faces from frame to frame and says what they look like: fer.faces.tracking and fer.recognition.uncertainty.

import {distance} from "./detection.js";
import {roundHalfEven, rules} from "./rules.js";

// tracks: {face, box, probabilities, lastSeen, rows} each; face: 0 until it is seen again; rows: those new in the record.
// The newest probabilities count 2 / (smoothing + 1) of what is shown.
// Returns those of the boxes, in their order, then those that are missed for a moment.
export function trackFaces(tracks, boxes, probabilities, seconds, nextNumber) {
  const recent = tracks.filter(track => seconds - track.lastSeen <= rules.MAX_SECONDS_MISSING);
  const matches = matchBoxes(recent.map(track => track.box), boxes);
  const weight = 2 / (rules.smoothing + 1);
  const found = boxes.map((box, row) => {
    const track = recent[matches.get(row)];
    const smoothed = probabilities[row].map((value, index) =>
      track ? weight * value + (1 - weight) * track.probabilities[index] : value);
    const seen = [seconds, ...box, ...probabilities[row]];
    const rows = track?.face === 0 ? [...track.rows, seen] : [seen];
    return {face: track ? track.face || nextNumber() : 0, box, probabilities: smoothed, lastSeen: seconds, rows};
  });
  const matched = new Set(matches.values());
  return [...found, ...recent.filter((_, index) => !matched.has(index))];
}

// Lets boxes that moved little follow slowly, and the others at once.
export function smoothBoxes(former, boxes) {
  const matches = matchBoxes(former, boxes);
  return boxes.map((box, row) => {
    const before = former[matches.get(row)] ?? box;
    const change = box.map((value, index) => value - before[index]);
    const weight = Math.min(1, Math.max(...change.map(Math.abs)) / (rules.SMALL_MOVE * box[2]));
    return change.map((value, index) => roundHalfEven(before[index] + weight * value));
  });
}

// Matches boxes with former ones, the nearest centres first: a map from the box's index to the former's.
function matchBoxes(former, boxes) {
  const pairs = boxes.flatMap((box, row) => former.map((other, column) =>
    ({row, column, apart: distance(box, other), limit: Math.max(box[2], other[2])})));
  const matches = new Map();
  const taken = new Set();
  for (const {row, column, apart, limit} of pairs.sort((a, b) => a.apart - b.apart)) {
    if (apart > limit || matches.has(row) || taken.has(column)) continue;
    matches.set(row, column);
    taken.add(column);
  }
  return matches;
}

// Returns what the overlay draws for a face: number, box, smoothed probabilities, label and colour.
export function describeFace({face, box: [x, y, width, height], probabilities}) {
  const [first, second] = rules.classes.map((name, index) => ({name, value: probabilities[index]}))
    .sort((a, b) => b.value - a.value);
  const percent = ({name, value}) => `${name} ${roundHalfEven(100 * value)}%`;
  const isCertain = first.value >= rules.CONFIDENCE_THRESHOLD;
  const number = face ? `${face} ` : "";
  return {
    face, x, y, width, height,
    ...Object.fromEntries(rules.classes.map((name, index) => [name, probabilities[index]])),
    label: isCertain ? `${number}${percent(first)}` : `${number}uncertain\n${percent(first)}, ${percent(second)}`,
    colour: isCertain ? rules.colours[first.name] : rules.UNCERTAIN_COLOUR,
  };
}
