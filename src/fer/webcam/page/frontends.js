// Where the panel lives: in a widget in JupyterLab, or in the output of a running cell in Colab.

import {openPanel} from "./panel.js";
import {sleep} from "./recognition.js";

export function renderInJupyter({model, el}) { // anywidget's render: returns what is to be done when the view goes away
  const panel = openPanel(el, (message, frame) =>
    model.send(message, undefined, frame ? [decodeBase64(frame)] : []), model.get("options"));
  model.on("msg:custom", (reply, buffers) => panel.receive(reply, buffers.map(bytes => new Blob([bytes]))));
  model.on("comm_live_update", () => panel.lose("The kernel is gone or was restarted."));
  return () => panel.close("");
}

// The kernel calls exchange() by eval_js again and again: it brings the reply to the panel's last message and resolves
// to the next one. With nothing to say within two seconds, the panel says that it is alive.
export function openInColab(options) {
  const outbox = [];
  let wake = () => {};
  const root = document.createElement("div");
  document.body.prepend(root); // above what the cell shows
  const panel = openPanel(root, (message, frame) => {
    outbox.push(frame ? {...message, frame} : message);
    wake();
  }, options);
  window.ferColab = {
    async exchange(reply) {
      if (reply) panel.receive(reply, reply.pictures.map(picture => new Blob([decodeBase64(picture)])));
      if (outbox.length === 0) await Promise.race([new Promise(resolve => { wake = resolve; }), sleep(2000)]);
      return outbox.shift() || {kind: "record", rows: []};
    },
    close: sentence => panel.end(sentence),
  };
}

function decodeBase64(text) { // by a loop: Uint8Array.from takes 9 ms for a frame, this half of one
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
