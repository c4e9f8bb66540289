// Draws boxes, names and bars over the moving picture.

function drawFaces(canvas, faces, [width, height], mirrored, expressions, colours) {
  // As many pixels as the screen shows, so that letters are sharp and no pixel is moved in vain.
  const sharpness = (canvas.clientWidth * devicePixelRatio) / width;
  [canvas.width, canvas.height] = [width * sharpness, height * sharpness]; // this also wipes it
  const pen = canvas.getContext("2d");
  pen.scale(sharpness, sharpness);
  // The picture is mirrored by CSS, the overlay is not: the boxes change sides, and the letters can be read.
  const place = face => ({...face, x: mirrored ? width - face.x - face.width : face.x});
  for (const face of faces.map(place)) drawFace(pen, face, width, height, expressions, colours);
}

function drawFace(pen, face, width, height, expressions, colours) {
  const line = Math.max(2, width / 240);
  const frame = (style, thickness) => {
    pen.strokeStyle = style;
    pen.lineWidth = thickness;
    pen.strokeRect(face.x, face.y, face.width, face.height);
  };
  frame("rgba(0, 0, 0, 0.75)", 2 * line);
  frame(face.colour, line);

  const letters = Math.max(13, Math.round(width / 40));
  pen.font = `600 ${letters}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const lines = face.label.split("\n");
  const widest = Math.max(...lines.map(text => pen.measureText(text).width));
  const plate = {width: widest + letters, height: (0.4 + 1.2 * lines.length) * letters};
  const plateX = clamp(face.x - line, 0, width - plate.width);
  const above = face.y - plate.height - line;
  const plateY = above >= 0 ? above : clamp(face.y + face.height + line, 0, height - plate.height);
  pen.fillStyle = face.colour;
  roundedPlate(pen, plateX, plateY, plate.width, plate.height, 4);
  pen.fillStyle = "black";
  lines.forEach((text, row) => pen.fillText(text, plateX + letters / 2, plateY + (0.8 + 1.2 * row) * letters));

  drawBars(pen, face, width, height, expressions, colours, letters);
}

function drawBars(pen, face, width, height, expressions, colours, letters) {
  const small = Math.round(0.72 * letters);
  pen.font = `${small}px system-ui, sans-serif`;
  const names = Math.max(...expressions.map(name => pen.measureText(name).width));
  const row = 1.35 * small;
  const panel = {width: names + 5.2 * small, height: (expressions.length + 0.6) * row};
  const right = face.x + face.width + small / 2; // beside the face where there is room, else inside its box
  const left = face.x - panel.width - small / 2;
  const x = right + panel.width <= width ? right : left >= 0 ? left : clamp(right, 0, width - panel.width);
  const y = clamp(face.y, 0, height - panel.height);
  pen.fillStyle = "rgba(0, 0, 0, 0.55)";
  roundedPlate(pen, x, y, panel.width, panel.height, 4);
  expressions.forEach((name, index) => {
    const middle = y + (index + 0.8) * row;
    pen.fillStyle = "white";
    pen.fillText(name, x + small / 2, middle);
    pen.fillStyle = "rgba(255, 255, 255, 0.25)";
    pen.fillRect(x + names + small, middle - small / 3, 3.7 * small, 0.66 * small);
    pen.fillStyle = colours[index];
    pen.fillRect(x + names + small, middle - small / 3, 3.7 * small * face[name], 0.66 * small);
  });
}

function roundedPlate(pen, x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, radius);
  pen.fill();
}

function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
