// The camera panel: buttons, and the moving picture with its overlay.

import {grabFrame, sizeOf} from "./capture.js";
import {createChannel} from "./channel.js";
import {loadEngine, loadLibraries} from "./engine.js";
import {buildPanel} from "./markup.js";
import {drawFaces} from "./overlay.js";
import {cameraSource, explainCameraError, kernelSource, pictureSource, videoSource} from "./sources.js";

const HEARTBEAT_INTERVAL = 2; // seconds between messages while no frames are sent: what was recorded, and whether the
// kernel still lives
const LIBRARIES_TIMEOUT = 5; // seconds from the start of the camera, then frames go to the kernel
const FALLBACK = "The page could not load what it needs to find faces by itself, so frames go to the kernel.";
const MAX_FRAME_RATE = 30; // a second
const TIMER_SECONDS = 3;

// root: an empty element. transmit(message, frame in base 64 or undefined): sends to the kernel. Returns what the front
// end needs: receive(reply, pictures as blobs), and close(sentence) for when the cell, the page or the kernel go away.
export function openPanel(root, transmit, {colours, quality, file, finish, engine: sources}) {
  const channel = createChannel(transmit);
  const elements = buildPanel(root);
  let source = null;
  let isLive = false;
  let heartbeat = 0;
  let engine = null; // what finds and names the faces in the page
  let engineLoads = null; // resolves when it is known whether there will be one
  let unsent = []; // rows of the record that the kernel does not have yet

  function updateControls() {
    const state = isLive ? "live" : source ? "on" : "off";
    const isCamera = !source || Boolean(source.isCamera);
    const lit = isLive ? "camera on, live" : "camera on";
    elements.light.textContent = !source ? "camera off" : isCamera ? lit : "camera off, showing a file";
    elements.panel.dataset.light = source && isCamera ? "on" : "off";
    for (const control of elements.panel.querySelectorAll("[data-in]"))
      control.hidden = !control.dataset.in.split(" ").includes(state);
    elements.finish.hidden = !finish;
    elements.devices.hidden ||= elements.devices.options.length < 2 || !isCamera;
    for (const element of [elements.video, elements.image, elements.canvas])
      element.hidden = source?.element !== element;
    elements.stage.hidden = !source;
    elements.stage.classList.toggle("mirrored", Boolean(source?.isCamera));
    if (isLive) return;
    elements.overlay.width = elements.overlay.height = 0;
    elements.speed.textContent = "";
  }

  function showMessage(text, kind = "") {
    elements.message.textContent = text;
    elements.message.className = `message ${kind}`;
  }

  function showReply({kind, text}, reason = "") {
    showMessage([reason, text].filter(Boolean).join(" "), kind === "error" ? "problem" : "");
  }

  function releaseSource() { // the camera is off after this line, whatever else happens
    source?.stop();
    source = null;
    clearInterval(heartbeat);
    isLive = false;
    updateControls();
  }

  // A kernel that does not answer is gone for all we know; what it says of an error is shown, and the view goes on.
  async function request(message, frame) {
    try {
      return await channel.request(message, frame);
    } catch (error) {
      if (source) {
        releaseSource();
        showMessage(`${error.message} The camera was switched off. Run the cell again.`, "problem");
      }
      throw error;
    }
  }

  async function start(newSource) {
    if (window.ferClose) window.ferClose("The camera was switched off here: it is used in another place of this page.");
    window.ferClose = close; // one stream a page: a former panel's, or our own
    showMessage("");
    source = newSource;
    clearInterval(heartbeat);
    heartbeat = setInterval(sendRecord, 1000 * HEARTBEAT_INTERVAL);
    engineLoads ??= startEngine();
    try {
      const device = await newSource.start(reason => { if (source === newSource) stop(reason); });
      if (source !== newSource) return newSource.stop(); // stopped or started anew while the browser asked
      if (newSource.isCamera) await listDevices(device);
      updateControls();
      if (!newSource.isCamera) goLive();
    } catch (error) {
      if (source === newSource) releaseSource();
      newSource.stop();
      const unreadable = `This browser cannot show the file (${error.message})`;
      const reason = newSource.isCamera ? explainCameraError(error) : unreadable;
      showMessage(`${reason}. Or choose a video or a picture file instead.`, "problem");
    }
  }

  function sendRecord() {
    if (channel.isIdle()) request({kind: "record", rows: unsent.splice(0)}).catch(() => {});
  }

  // Where the libraries do not come, the kernel goes on by itself; if they only come late, they serve the next time.
  async function startEngine() {
    const libraries = loadLibraries(sources.libraries);
    const loading = loadEngine(sources, libraries, piece => request({kind: "piece", piece})).then(loaded => {
      if (engineLoads) engine = loaded;
      else loaded.close(); // the panel was closed meanwhile
    }, error => {
      engineLoads = null; // tried again at the next start
      console.warn(`The page's own recognition is not used: ${error.message}`);
    });
    const areLate = sleep(1000 * LIBRARIES_TIMEOUT).then(() => Promise.reject());
    await Promise.race([libraries, areLate]).then(() => loading, () => {});
  }

  async function listDevices(current) {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(device => device.kind === "videoinput");
    elements.devices.replaceChildren(...cameras.map((camera, index) =>
      new Option(camera.label || `Camera ${index + 1}`, camera.deviceId, false, camera.deviceId === current)));
  }

  async function goLive() {
    const current = source;
    const isCurrent = () => isLive && source === current;
    let roundTrips = [];
    isLive = true;
    updateControls();
    if (!current.showNext && !engine) showMessage("Getting ready …");
    await engineLoads;
    if (!isCurrent()) return;
    let usedEngine = current.showNext ? null : engine;
    showMessage(usedEngine || current.showNext ? "" : FALLBACK);
    const recognise = async (seconds, isFirst) => {
      if (current.showNext) return current.showNext();
      if (!usedEngine) return request({kind: "frame", seconds}, grabFrame(current.element, quality));
      try {
        return await usedEngine.recognise(current.element, seconds, isFirst);
      } catch (error) {
        usedEngine = null;
        return {kind: "error", text: `${FALLBACK} (${error.message})`};
      }
    };
    const began = performance.now();
    let due = began;
    for (let isFirst = true; isCurrent(); isFirst = false) {
      const sent = performance.now();
      const reply = await recognise((sent - began) / 1000, isFirst);
      if (!isCurrent()) return;
      if (reply.kind === "end") return stop(`${file} is at its end.`);
      if (reply.kind === "faces") {
        drawFaces(elements.overlay, reply.faces, sizeOf(current.element), current.isCamera, colours);
        const received = performance.now();
        roundTrips = [...roundTrips.slice(-49), {received, total: received - sent, kernel: reply.milliseconds}];
        unsent.push(...reply.rows ?? []);
        elements.speed.textContent = describeSpeed(roundTrips, reply.skipped, Boolean(usedEngine));
        if (elements.message.classList.contains("problem")) showMessage("");
      } else {
        showMessage(reply.text, "problem");
      }
      due = Math.max(due + 1000 / MAX_FRAME_RATE, performance.now());
      await sleep(due - performance.now());
    }
  }

  async function stop(reason = "") {
    if (!source) return;
    const wasLive = isLive;
    releaseSource();
    showMessage(reason);
    if (wasLive) showReply(await request({kind: "stop", rows: unsent.splice(0)}), reason);
  }

  async function takePicture() {
    const current = source;
    for (let left = elements.timer.checked ? TIMER_SECONDS : 0; left > 0; left--) {
      elements.countdown.textContent = left;
      await sleep(1000);
    }
    elements.countdown.textContent = "";
    if (!source || source !== current) return;
    elements.stage.classList.add("flash");
    setTimeout(() => elements.stage.classList.remove("flash"), 150);
    showReply(await request({kind: "snapshot"}, grabFrame(current.element, 0.95)));
  }

  const actions = {
    start: () => start(cameraSource(elements.video, elements.devices.value)),
    play: () => start(kernelSource(elements.canvas, options => request({kind: "next", ...options}))),
    goLive,
    takePicture,
    stop: () => stop(),
    finish: () => { releaseSource(); request({kind: "finish"}); },
  };
  elements.panel.addEventListener("click", event => {
    const action = actions[event.target.dataset?.do];
    if (action) Promise.resolve(action()).catch(error => showMessage(error.message, "problem"));
  });
  elements.devices.addEventListener("change", actions.start);
  elements.file.addEventListener("change", () => {
    const [chosen] = elements.file.files;
    if (!chosen) return;
    const isVideo = chosen.type.startsWith("video/");
    start(isVideo ? videoSource(elements.video, chosen) : pictureSource(elements.image, chosen));
    elements.file.value = "";
  });

  addEventListener("pagehide", () => close("The page was left, so the camera was switched off."));

  function close(sentence) {
    const wasLive = isLive;
    if (source) showMessage(sentence);
    releaseSource();
    engine?.close();
    engine = engineLoads = null;
    if (wasLive) transmit({kind: "stop", rows: unsent.splice(0)}); // past the channel: nobody waits for a reply, but the record is saved
  }

  elements.play.textContent = `Play ${file}`;
  updateControls();
  return {receive: channel.receive, close};
}

function describeSpeed(roundTrips, skipped, inPage) {
  const median = values => values.sort((a, b) => a - b)[values.length >> 1];
  const seconds = (roundTrips.at(-1).received - roundTrips[0].received) / 1000;
  const rate = roundTrips.length > 1 ? ((roundTrips.length - 1) / seconds).toFixed(1) : "-";
  const total = Math.round(median(roundTrips.map(trip => trip.total)));
  const kernel = Math.round(median(roundTrips.map(trip => trip.kernel)));
  const lost = skipped ? `, ${skipped} unreadable skipped` : "";
  return `${rate} pictures/s, ${total} ms ${inPage ? "from frame to overlay" : "round trip"} (${kernel} ms of it finding and naming faces)${lost}`;
}

export function sleep(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
