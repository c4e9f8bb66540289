// Draws boxes, labels and bars over the moving picture.

// colours: of the bars, by the name of the class.
export function drawFaces(canvas, faces, [width, height], isMirrored, colours) {
  // As many pixels as the screen shows, so that letters are sharp and no pixel is moved in vain.
  const scale = (canvas.clientWidth * devicePixelRatio) / width;
  [canvas.width, canvas.height] = [width * scale, height * scale]; // this also clears it
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  for (const face of faces) {
    // The picture is mirrored by CSS, the overlay is not: the boxes change sides, and the letters can be read.
    const x = isMirrored ? width - face.x - face.width : face.x;
    drawFace(context, {...face, x}, width, height, colours);
  }
}

function drawFace(context, face, width, height, colours) {
  const lineWidth = Math.max(2, width / 240);
  for (const [strokeStyle, thickness] of [["rgba(0, 0, 0, 0.75)", 2 * lineWidth], [face.colour, lineWidth]]) {
    Object.assign(context, {strokeStyle, lineWidth: thickness});
    context.strokeRect(face.x, face.y, face.width, face.height);
  }
  const fontSize = Math.max(13, Math.round(width / 40));
  drawLabel(context, face, width, height, fontSize, lineWidth);
  drawBars(context, face, width, height, Math.round(0.85 * fontSize), colours);
}

function drawLabel(context, face, width, height, fontSize, lineWidth) {
  context.font = `600 ${fontSize}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const lines = face.label.split("\n");
  const labelWidth = Math.max(...lines.map(line => context.measureText(line).width)) + fontSize;
  const labelHeight = (0.4 + 1.2 * lines.length) * fontSize;
  const x = clamp(face.x - lineWidth, 0, width - labelWidth);
  const above = face.y - labelHeight - lineWidth;
  const y = above >= 0 ? above : clamp(face.y + face.height + lineWidth, 0, height - labelHeight);
  fillRoundedRect(context, face.colour, x, y, labelWidth, labelHeight);
  context.fillStyle = "black";
  lines.forEach((line, row) => context.fillText(line, x + fontSize / 2, y + (0.8 + 1.2 * row) * fontSize));
}

function drawBars(context, face, width, height, fontSize, colours) {
  const names = Object.keys(colours);
  context.font = `${fontSize}px system-ui, sans-serif`;
  const nameWidth = Math.max(...names.map(name => context.measureText(name).width));
  const rowHeight = 1.35 * fontSize;
  const panelWidth = nameWidth + 7.6 * fontSize;
  const panelHeight = (names.length + 0.6) * rowHeight;
  const right = face.x + face.width + fontSize / 2; // beside the face where there is room, else inside its box
  const left = face.x - panelWidth - fontSize / 2;
  const x = right + panelWidth <= width ? right : left >= 0 ? left : clamp(right, 0, width - panelWidth);
  const y = clamp(face.y, 0, height - panelHeight);
  fillRoundedRect(context, "rgba(0, 0, 0, 0.55)", x, y, panelWidth, panelHeight);
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
    context.fillText(`${Math.round(100 * face[name])}%`, x + panelWidth - fontSize / 2, middle);
    context.textAlign = "left";
  });
}

function fillRoundedRect(context, colour, x, y, width, height) {
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, width, height, 4);
  context.fill();
}

function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
