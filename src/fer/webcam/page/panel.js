// The camera panel: buttons, the moving picture with its overlay, and what was found.

const ALIVE_EVERY = 2; // seconds between questions whether the kernel still lives, while no pictures are sent
const MOST_PICTURES = 25; // a second
const SELF_TIMER = 3; // seconds

// root: an empty element. transmit(message, picture in base 64 or undefined): sends to the kernel. Returns what the home
// needs: receive(answer, pictures as blobs) for the kernel's answers, close(sentence) for when cell, page or kernel go
// away, and end() for when the panel does.
function openPanel(root, transmit, {expressions, colours, quality, file, finish}) {
  const link = createLink(transmit);
  const part = buildPanel(root);
  let source = null;
  let live = false;
  let began = 0;
  let trips = [];

  function show() {
    const state = live ? "live" : source ? "on" : "off";
    const camera = !source || Boolean(source.mirrored); // the only source that is
    const lit = live ? "camera on, live" : "camera on";
    part.light.textContent = !source ? "camera off" : camera ? lit : "camera off, showing a file";
    part.panel.dataset.light = source && camera ? "on" : "off";
    for (const button of part.panel.querySelectorAll("[data-in]"))
      button.hidden = !button.dataset.in.split(" ").includes(state);
    part.play.hidden = part.play.hidden || !file;
    part.finish.hidden = !finish;
    part.devices.hidden = part.devices.options.length < 2 || !camera;
    for (const element of [part.video, part.image, part.canvas])
      element.hidden = !source || source.element !== element;
    part.stage.hidden = !source;
    part.stage.classList.toggle("mirrored", Boolean(source && source.mirrored));
    if (!live) part.overlay.width = part.overlay.height = 0;
    if (!live) part.numbers.textContent = "";
  }

  function say(text, kind = "") {
    part.message.textContent = text;
    part.message.className = `message ${kind}`;
  }

  function release() { // the camera is off after this line, whatever else happens
    if (source) source.stop();
    source = null;
    live = false;
    show();
  }

  // A kernel that does not answer is gone for all we know; anything else is said, and the view goes on.
  async function ask(message, picture) {
    try {
      return await link.ask(message, picture);
    } catch (error) {
      if (source) {
        release();
        say(`${error.message} The camera was switched off. Run the cell again.`, "problem");
      }
      throw error;
    }
  }

  async function begin(candidate, thenLive) {
    if (window.ferClose) window.ferClose("The camera was switched off here: it is used in another place of this page.");
    window.ferClose = close; // one stream a page: a former panel's, or our own
    say("");
    source = candidate;
    try {
      const device = await candidate.start(reason => { if (source === candidate) stop(reason); });
      if (source !== candidate) return candidate.stop(); // stopped or started anew while the browser asked
      if (candidate.mirrored) await listDevices(device);
      show();
      if (thenLive) goLive();
    } catch (error) {
      if (source === candidate) release();
      candidate.stop();
      const unreadable = `This browser cannot show the file (${error.message})`;
      const reason = candidate.mirrored ? explainRefusal(error) : unreadable;
      say(`${reason}. Or choose a video or a picture file instead.`, "problem");
    }
  }

  async function listDevices(current) {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(device => device.kind === "videoinput");
    part.devices.replaceChildren(...cameras.map((camera, index) =>
      new Option(camera.label || `Camera ${index + 1}`, camera.deviceId, false, camera.deviceId === current)));
  }

  async function goLive() {
    const mine = source;
    live = true;
    began = performance.now();
    trips = [];
    show();
    while (live && source === mine) {
      const sent = performance.now();
      const answer = await seeOnce(mine, (sent - began) / 1000);
      if (!live || source !== mine) return;
      if (answer.kind === "end") return stop(`${file} is at its end.`);
      if (answer.kind === "faces") {
        drawFaces(part.overlay, answer.faces, mine.size(), mine.mirrored, expressions, colours);
        trips.push({at: performance.now(), all: performance.now() - sent, seeing: answer.milliseconds});
        part.numbers.textContent = describeTrips(trips = trips.slice(-50), answer.skipped);
        say("");
      } else {
        say(answer.text, "problem");
      }
      await sleep(Math.max(0, 1000 / MOST_PICTURES - (performance.now() - sent)));
    }
  }

  async function seeOnce(mine, seconds) {
    if (mine.advance) return mine.advance();
    return ask({kind: "frame", seconds}, grabJpeg(mine, quality));
  }

  async function stop(reason = "") {
    if (!source) return;
    const wasLive = live;
    release();
    say(reason);
    if (!wasLive) return;
    const answer = await ask({kind: "stop"});
    say([reason, answer.text].filter(Boolean).join(" "), answer.kind === "error" ? "problem" : "");
    if (answer.pictures.length) addResult(part.results, "Timeline", answer.pictures, []);
  }

  async function takePicture() {
    const mine = source;
    for (let left = part.timer.checked ? SELF_TIMER : 0; left > 0; left--) {
      part.count.textContent = left;
      await sleep(1000);
    }
    part.count.textContent = "";
    if (source !== mine || !source) return;
    part.stage.classList.add("flash");
    setTimeout(() => part.stage.classList.remove("flash"), 150);
    const answer = await ask({kind: "snapshot"}, grabJpeg(mine, 0.95));
    if (answer.kind !== "snapshot") return say(answer.text, "problem");
    addResult(part.results, answer.title, answer.pictures, answer.rows, async button => {
      const saved = await ask({kind: "save", number: answer.number});
      button.textContent = saved.text;
      button.disabled = saved.kind === "saved";
    });
  }

  const act = {
    start: () => begin(cameraSource(part.video, part.devices.value), false),
    play: () => begin(kernelSource(part.canvas, () => ask({kind: "next"})), true),
    live: goLive,
    snap: takePicture,
    stop: () => stop(),
    finish: () => { release(); ask({kind: "finish"}); },
  };
  part.panel.addEventListener("click", event => {
    const name = event.target.dataset && event.target.dataset.do;
    if (act[name]) Promise.resolve(act[name]()).catch(error => say(error.message, "problem"));
  });
  part.devices.addEventListener("change", act.start);
  part.file.addEventListener("change", () => {
    const [chosen] = part.file.files;
    if (!chosen) return;
    const isVideo = chosen.type.startsWith("video/");
    begin(isVideo ? videoSource(part.video, chosen) : pictureSource(part.image, chosen), true);
    part.file.value = "";
  });

  // Asked rarely, and only while the camera is on without sending pictures: is the kernel still there?
  const pulse = setInterval(() => {
    if (source && !live && link.idle()) ask({kind: "alive"}).catch(() => {});
  }, 1000 * ALIVE_EVERY);
  const leave = () => close("The page was left, so the camera was switched off.");
  addEventListener("pagehide", leave);

  function close(sentence) {
    const wasLive = live;
    if (source) say(sentence);
    release();
    if (wasLive) transmit({kind: "stop"}); // past the link: nobody waits for an answer, but the record is saved
  }

  part.play.textContent = `Play ${file}`;
  show();
  return {
    receive: link.receive,
    close,
    end() {
      clearInterval(pulse);
      removeEventListener("pagehide", leave);
    },
  };
}

function describeTrips(trips, skipped) {
  const median = values => values.sort((a, b) => a - b)[values.length >> 1];
  const seconds = (trips[trips.length - 1].at - trips[0].at) / 1000;
  const rate = trips.length > 1 ? ((trips.length - 1) / seconds).toFixed(1) : "-";
  const all = Math.round(median(trips.map(trip => trip.all)));
  const seeing = Math.round(median(trips.map(trip => trip.seeing)));
  const lost = skipped ? `, ${skipped} unreadable skipped` : "";
  return `${rate} pictures/s, ${all} ms round trip (${seeing} ms of it finding and naming faces)${lost}`;
}

function sleep(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
