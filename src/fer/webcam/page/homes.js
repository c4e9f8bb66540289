// How the panel lives in a notebook page: as a widget in JupyterLab, or in the output of a running cell in Colab.

function renderInJupyter({model, el}) { // an anywidget's render: returns what is to be done when the view goes away
  const panel = openPanel(el, (message, picture) =>
    model.send(message, undefined, picture ? [toBytes(picture)] : []), model.get("options"));
  model.on("msg:custom", (answer, buffers) =>
    panel.receive(answer, buffers.map(bytes => new Blob([bytes]))));
  model.on("comm_live_update", () => panel.close("The kernel is gone or was restarted, so the camera was switched off."
    + " Run the cells again."));
  return () => {
    panel.close("");
    panel.end();
  };
}

// The kernel asks here by eval_js, one question at a time: its question carries its answer to the panel's last message,
// and resolves to the panel's next one. With nothing to say within two seconds, the panel says that it is alive.
function openInColab(options) {
  const outbox = [];
  let wake = () => {};
  const root = document.createElement("div");
  document.body.append(root);
  const panel = openPanel(root, (message, picture) => {
    outbox.push([message, picture]);
    wake();
  }, options);
  window.ferColab = {
    async exchange(answer) {
      if (answer) panel.receive(answer, answer.pictures.map(picture => new Blob([toBytes(picture)])));
      if (outbox.length === 0) await Promise.race([new Promise(resolve => { wake = resolve; }), sleep(2000)]);
      const [message, picture] = outbox.shift() || [{kind: "alive"}];
      return picture ? {...message, picture} : message;
    },
    close(sentence) {
      panel.close(sentence);
      panel.end();
      root.inert = true; // nobody answers its buttons any more
    },
  };
}

function toBytes(text) { // from base 64; by a loop: Uint8Array.from takes 9 ms for a frame, this half of one
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
