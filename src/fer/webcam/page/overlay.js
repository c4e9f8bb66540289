// Draws boxes, labels and bars over the moving picture. A box or plate is [x, y, width, height].

// colours: of the bars, by the name of the class. covering: elements that lie over the picture.
export function drawFaces(canvas, faces, [width, height], isMirrored, colours, covering) {
  // As many pixels as the screen shows, so that letters are sharp and no pixel is moved in vain.
  const zoom = Math.min(canvas.clientWidth / width, canvas.clientHeight / height);
  if (!zoom) return; // out of sight
  const scale = zoom * devicePixelRatio;
  [canvas.width, canvas.height] = [width * scale, height * scale]; // this also clears it
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const lineWidth = Math.max(width / 240, 2 / zoom);
  const fontSize = Math.max(width / 40, 13 / zoom);
  // In the order of their numbers: in that of their sizes, two of one size would change places.
  // The picture is mirrored by CSS, the overlay is not: the boxes change sides, and the letters can be read.
  const shown = [...faces].sort((a, b) => a.face - b.face).map(face => ({...face,
    box: [isMirrored ? width - face.x - face.width : face.x, face.y, face.width, face.height]}));
  const boxes = shown.map(face => face.box);
  const [marginX, marginY] = [(canvas.clientWidth - zoom * width) / 2, (canvas.clientHeight - zoom * height) / 2];
  const taken = covering.map(({offsetLeft, offsetTop, offsetWidth, offsetHeight}) =>
    [offsetLeft - marginX, offsetTop - marginY, offsetWidth, offsetHeight].map(length => length / zoom));
  shown.forEach(face => drawBox(context, face, lineWidth));
  for (const face of shown) {
    const others = boxes.filter(box => box !== face.box);
    face.plate = drawLabel(context, face, [width, height], fontSize, lineWidth, [...taken, ...others]);
    taken.push(face.plate);
  }
  for (const face of shown) taken.push(...drawBars(context, face, [width, height], 0.85 * fontSize, colours, taken, boxes));
}

function drawBox(context, {box, colour}, lineWidth) {
  for (const [strokeStyle, thickness] of [["rgba(0, 0, 0, 0.75)", 2 * lineWidth], [colour, lineWidth]]) {
    Object.assign(context, {strokeStyle, lineWidth: thickness});
    context.strokeRect(...box);
  }
}

function drawLabel(context, {box, label, colour}, size, fontSize, gap, taken) {
  context.font = `600 ${fontSize}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const layouts = shortened(label).map(text => {
    const lines = text.split("\n");
    const labelWidth = Math.max(...lines.map(line => context.measureText(line).width)) + fontSize;
    return {lines, plate: placeLabel(box, [labelWidth, (0.4 + 1.2 * lines.length) * fontSize], size, gap, taken)};
  });
  const {lines, plate} = layouts.find(layout => coveredArea(layout.plate, taken) === 0) ?? layouts.at(-1);
  const [x, y] = plate;
  fillRoundedRect(context, colour, plate, fontSize / 4);
  context.fillStyle = "black";
  lines.forEach((line, row) => context.fillText(line, x + fontSize / 2, y + (0.8 + 1.2 * row) * fontSize));
  return plate;
}

// Where labels stand and how they are shortened: fer.recognition.drawing.
function shortened(label) {
  const line = label.split("\n")[0].replace(/ \d+%$/, "");
  return [label, line, line.split(" ")[0]];
}

function placeLabel([left, top, boxWidth, boxHeight], [width, height], size, gap, taken) {
  const [mostX, mostY] = [size[0] - width, size[1] - height];
  const rows = [top - height - gap, top + boxHeight + gap].filter(y => y >= 0 && y <= mostY);
  const columns = [left, left + boxWidth - width].map(x => clamp(x, 0, mostX));
  const plates = [...rows, clamp(top, 0, mostY)].flatMap(y => columns.map(x => [x, y, width, height]));
  return plates.reduce((best, plate) => (coveredArea(plate, taken) < coveredArea(best, taken) ? plate : best));
}

function coveredArea(plate, taken) {
  const overlap = (box, side) =>
    Math.max(0, Math.min(plate[side] + plate[side + 2], box[side] + box[side + 2]) - Math.max(plate[side], box[side]));
  return taken.reduce((area, box) => area + overlap(box, 0) * overlap(box, 1), 0);
}

// Draws bars beside the face, above or below it; one too large for that has them on itself. Where there is no room, the
// label has to do. Returns the plates that were drawn: one or none.
function drawBars(context, face, [width, height], fontSize, colours, taken, boxes) {
  const names = Object.keys(colours);
  context.font = `${fontSize}px system-ui, sans-serif`;
  const nameWidth = Math.max(...names.map(name => context.measureText(name).width));
  const rowHeight = 1.35 * fontSize;
  const plateWidth = nameWidth + 7.6 * fontSize;
  const plateHeight = (names.length + 0.6) * rowHeight;
  const [left, top, boxWidth, boxHeight] = face.box;
  const gap = fontSize / 2;
  const beyond = face.plate[3] + gap; // the label
  const [beside, lower] = [top, top + boxHeight - plateHeight].map(y => clamp(y, 0, height - plateHeight));
  const middle = clamp(left + (boxWidth - plateWidth) / 2, 0, width - plateWidth);
  const [before, after] = [left - plateWidth - gap, left + boxWidth + gap];
  const [above, below] = [top - plateHeight - gap, top + boxHeight + gap];
  const places = [[after, beside], [before, beside], [middle, below], [middle, above],
    [after, lower], [before, lower], [middle, below + beyond], [middle, above - beyond]];
  const isLarge = boxWidth > 1.5 * plateWidth;
  const around = isLarge ? boxes.filter(box => box !== face.box) : boxes;
  if (isLarge) places.push(...[beside, lower].flatMap(y => [[width - plateWidth, y], [0, y]]));
  const plate = places.map(place => [...place, plateWidth, plateHeight]).find(([x, y, ...size]) =>
    x >= 0 && y >= 0 && x + plateWidth <= width && y + plateHeight <= height
      && coveredArea([x, y, ...size], [...taken, ...around]) === 0);
  if (!plate) return [];
  const [x, y] = plate;
  fillRoundedRect(context, "rgba(0, 0, 0, 0.55)", plate, fontSize / 4);
  names.forEach((name, index) => {
    const middle = y + (index + 0.8) * rowHeight;
    const bar = [x + nameWidth + fontSize, middle - fontSize / 3, 3.7 * fontSize, 0.66 * fontSize];
    context.fillStyle = "white";
    context.fillText(name, x + fontSize / 2, middle);
    context.fillStyle = "rgba(255, 255, 255, 0.25)";
    context.fillRect(...bar);
    bar[2] *= face[name];
    context.fillStyle = colours[name];
    context.fillRect(...bar);
    context.fillStyle = "white";
    context.textAlign = "right";
    context.fillText(`${Math.round(100 * face[name])}%`, x + plateWidth - fontSize / 2, middle);
    context.textAlign = "left";
  });
  return [plate];
}

function fillRoundedRect(context, colour, plate, radius) {
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(...plate, radius);
  context.fill();
}

function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
