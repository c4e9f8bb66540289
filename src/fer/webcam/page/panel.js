// The camera panel: a stage with the moving picture and its overlay, and what can be done with it.

import {frameSize, grabFrame} from "./capture.js";
import {createChannel} from "./channel.js";
import {buildPanel} from "./markup.js";
import {drawFaces} from "./overlay.js";
import {createRecognition, describeSpeed, sleep} from "./recognition.js";
import {cameraSource, explainCameraError, kernelSource, pictureSource, videoSource} from "./sources.js";

const HEARTBEAT_INTERVAL = 2; // seconds between messages: what was recorded, and whether the kernel still lives
const MAX_FRAME_RATE = 30; // a second
const MOST_TAKEN = 8; // pictures and timelines in view, as many as the kernel keeps
const SPEAKING_INTERVAL = 3; // seconds between two things that a screen reader says
const TIMER_SECONDS = 3;

// root: an empty element. transmit(message, frame in base 64 or undefined): sends to the kernel. Returns what the front
// end needs: receive(reply, pictures as blobs); close(sentence) for when the view goes away; end(sentence) for when the
// cell does, which returns the rows of the record that the kernel does not have; lose(reason) for when the kernel does.
export function openPanel(root, transmit, {colours, quality, file, finish, engine: sources}) {
  const channel = createChannel(transmit);
  const elements = buildPanel(root);
  const recognition = createRecognition(sources, request, quality);
  let source = null;
  let starting = null; // the source that was asked for last, while it is not there yet
  let isLive = false;
  let isTaking = false; // a picture
  let still = null; // {faces, size, isCamera} of the picture that is shown over the stage
  let heartbeat = 0;
  let unsent = []; // rows of the record that the kernel does not have yet
  let record = ""; // the file of those that it has

  function updateControls() {
    const state = isLive ? "live" : source && !source.isStill ? "on" : "off";
    const isCamera = !source || Boolean(source.isCamera);
    const lit = isLive ? "camera on, live" : "camera on";
    elements.light.textContent = !source ? "camera off" : isCamera ? lit : "camera off, showing a file";
    elements.panel.dataset.light = source && isCamera ? "on" : "off";
    elements.live.textContent = isLive ? "Stop live" : "Go live";
    elements.camera.textContent = isCamera ? "Turn the camera off" : "Close the file";
    for (const control of elements.panel.querySelectorAll("[data-in]"))
      control.disabled = !control.dataset.in.split(" ").includes(state);
    elements.take.disabled ||= isTaking;
    elements.devices.hidden = elements.devices.options.length < 2 || !isCamera;
    elements.welcome.hidden = Boolean(source || still);
    elements.back.hidden = elements.still.hidden = !still;
    for (const element of [elements.video, elements.image, elements.picture])
      element.hidden = Boolean(still) || source?.element !== element;
    elements.stage.classList.toggle("mirrored", isMirrored());
    if (isLive && !still) return;
    elements.overlay.width = elements.overlay.height = 0;
    if (!isLive) elements.speed.textContent = "";
    if (still) draw(still.faces, still.size);
  }

  function draw(faces, size) {
    drawFaces(elements.overlay, faces, size, isMirrored(), colours, [elements.light, elements.back]);
  }

  function isMirrored() {
    return elements.mirror.checked && Boolean((still ?? source)?.isCamera);
  }

  function showMessage(text, kind = "") {
    elements.text.textContent = text;
    elements.message.className = `message ${kind}`;
  }

  // What the kernel says of a picture or a timeline, which are kept below for download.
  function showReply(reply, reason = "") {
    showMessage([reason, reply.text].filter(Boolean).join(" "), reply.kind === "error" ? "problem" : "");
    if (reply.name) addTaken(reply);
    (reply.kind === "timeline" ? elements.taken : elements.stage).scrollIntoView({block: "nearest"});
  }

  function addTaken({kind, text, name, pictures: [picture]}) {
    const [link, image] = [document.createElement("a"), new Image()];
    Object.assign(link, {href: URL.createObjectURL(picture), download: name, className: kind});
    Object.assign(image, {src: link.href, alt: text});
    link.append(image, "Download");
    elements.taken.prepend(link);
    elements.taken.children[MOST_TAKEN]?.remove();
  }

  // A page that was loaded anew asks the kernel for what was taken before.
  async function recall() {
    for (let [number, said] = [0, ""]; ; number++) {
      const reply = await channel.request({kind: "recall", number});
      if (!reply.name) return;
      addTaken(reply);
      if (source || elements.text.textContent !== said) continue; // something else has been said meanwhile
      said = reply.text;
      showMessage(said);
    }
  }

  function releaseSource() { // the camera is off after this line, whatever else happens
    (starting ?? source)?.stop();
    source = starting = null;
    clearInterval(heartbeat);
    isLive = false;
    elements.countdown.textContent = "";
    updateControls();
  }

  // A kernel that does not answer is gone for all we know; what it says of an error is shown, and the view goes on.
  async function request(message, frame) {
    try {
      const reply = await channel.request(message, frame);
      record = reply.record;
      return reply;
    } catch (error) {
      lose(error.message);
      return new Promise(() => {}); // nothing is left to be done
    }
  }

  async function start(newSource) {
    if (window.ferClose !== close) // one stream a page
      window.ferClose?.("The camera was switched off here: it is used in another place of this page.");
    window.ferClose = close;
    switchOff();
    showMessage("");
    [starting, still] = [newSource, null];
    heartbeat = setInterval(sendRecord, 1000 * HEARTBEAT_INTERVAL);
    if (!newSource.isStill && !newSource.showNext) recognition.prepare();
    try {
      const device = await newSource.start(reason => { if (source === newSource) stop(reason); });
      if (starting !== newSource) return newSource.stop(); // stopped or started anew while the browser asked
      [source, starting] = [newSource, null];
      if (newSource.isCamera) await listDevices(device);
      if (source !== newSource) return;
      updateControls();
    } catch (error) {
      newSource.stop();
      if ((starting ?? source) !== newSource) return;
      releaseSource();
      const unreadable = `This browser cannot show the file (${error.message})`;
      const reason = newSource.isCamera ? explainCameraError(error) : unreadable;
      return showMessage(`${reason}. Or choose a video or a picture file instead.`, "problem");
    }
    if (newSource.isStill) return takeOnly(newSource);
    elements.live.focus();
    return goLive();
  }

  function sendRecord() {
    if (channel.isIdle()) request({kind: "record", rows: unsent.splice(0)});
  }

  async function listDevices(current) {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(device => device.kind === "videoinput");
    elements.devices.replaceChildren(...cameras.map((camera, index) =>
      new Option(camera.label || `Camera ${index + 1}`, camera.deviceId, false, camera.deviceId === current)));
  }

  async function goLive() {
    const current = source;
    const isCurrent = () => isLive && source === current;
    let trips = [];
    let spoken = 0;
    [isLive, still] = [true, null];
    updateControls();
    showMessage("Getting ready …");
    const {notice, recognise} = await recognition.begin(current);
    if (!isCurrent()) return;
    showMessage(notice);
    current.play?.();
    const began = performance.now();
    let due = began;
    for (let isFirst = true; isCurrent(); isFirst = false) {
      const sent = performance.now();
      const reply = await recognise((sent - began) / 1000, isFirst);
      if (!isCurrent()) return;
      if (reply.kind === "end") return isFirst ? takeOnly(current) : stop(`${file} is at its end.`);
      if (reply.kind === "faces") {
        if (!still) draw(reply.faces, frameSize(current.element));
        const received = performance.now();
        trips = [...trips.slice(-24), {received, total: received - sent, work: reply.milliseconds}];
        unsent.push(...reply.rows ?? []);
        elements.speed.textContent = describeSpeed(trips, reply);
        if (elements.message.classList.contains("problem")) showMessage("");
        if (received > spoken + 1000 * SPEAKING_INTERVAL) {
          spoken = received;
          speak(reply.faces);
        }
      } else {
        showMessage(reply.text, reply.kind === "fallback" ? "" : "problem");
      }
      due = Math.max(due + 1000 / MAX_FRAME_RATE, performance.now());
      await sleep(due - performance.now());
    }
  }

  function speak(faces) { // to a screen reader, which says what has changed
    const text = faces.map(face => `Face ${face.label}`).join("; ") || "No face";
    if (elements.heard.textContent !== text) elements.heard.textContent = text;
  }

  async function stopLive() {
    isLive = false;
    updateControls();
    showReply(await request({kind: "stop", rows: unsent.splice(0)}));
  }

  async function stop(reason = "") {
    if (!source) return;
    const wasLive = isLive;
    still = null;
    releaseSource();
    if (wasLive || reason) showMessage(reason);
    if (wasLive) showReply(await request({kind: "stop", rows: unsent.splice(0)}), reason);
  }

  async function takePicture() {
    const current = source;
    [isTaking, still] = [true, null];
    updateControls();
    try {
      for (let left = elements.timer.checked && current.isCamera ? TIMER_SECONDS : 0; left > 0 && source === current; left--) {
        elements.countdown.textContent = left;
        await sleep(1000);
      }
      elements.countdown.textContent = "";
      if (!source || source !== current) return;
      elements.stage.classList.add("flash");
      setTimeout(() => elements.stage.classList.remove("flash"), 150);
      const frame = grabFrame(current.element, 0.95);
      const reply = await request({kind: "snapshot"}, frame);
      if (reply.kind === "snapshot") {
        elements.still.src = `data:image/jpeg;base64,${frame}`;
        await elements.still.decode();
        still = {faces: reply.faces, size: frameSize(elements.still), isCamera: current.isCamera};
        speak(reply.faces);
      }
      showReply(reply);
    } finally {
      isTaking = false;
      updateControls();
    }
  }

  async function takeOnly(current) { // of a file that is a picture
    isLive = false;
    try {
      await takePicture();
    } finally {
      if (source === current) releaseSource();
    }
  }

  function refocusTake() { // which lost the focus while it was disabled
    if (document.activeElement === document.body) elements.take.focus();
  }

  function openFile(chosen) {
    if (!chosen) return;
    const isVideo = chosen.type.startsWith("video/");
    start(isVideo ? videoSource(elements.video, chosen) : pictureSource(elements.image, chosen));
  }

  const actions = {
    start: () => start(cameraSource(elements.video, elements.devices.value)),
    play: () => start(kernelSource(elements.picture, options => request({kind: "next", ...options}))),
    toggleLive: () => (isLive ? stopLive() : goLive()),
    takePicture: () => takePicture().finally(refocusTake),
    closeStill() { still = null; updateControls(); },
    stop: () => stop(),
    finish: () => { releaseSource(); transmit({kind: "finish"}); },
  };
  elements.panel.addEventListener("click", event => {
    const action = actions[event.target.dataset?.do];
    if (!action) return;
    Promise.resolve(action()).catch(error => showMessage(error.message, "problem"));
    if (event.target === elements.camera || event.target === elements.back) // gone: who uses the keyboard goes on here
      (source ? elements.live : elements.start).focus();
  });
  elements.mirror.addEventListener("change", updateControls);
  elements.devices.addEventListener("change", () => { if (source) actions.start(); });
  elements.file.addEventListener("change", () => {
    openFile(elements.file.files[0]);
    elements.file.value = "";
  });
  elements.panel.addEventListener("dragover", event => {
    event.preventDefault();
    elements.stage.classList.add("over");
  });
  elements.panel.addEventListener("dragleave", () => elements.stage.classList.remove("over"));
  elements.panel.addEventListener("drop", event => {
    event.preventDefault();
    elements.stage.classList.remove("over");
    openFile(event.dataTransfer.files[0]);
  });

  addEventListener("pagehide", () => close("The page was left, so the camera was switched off."));

  function switchOff() {
    const wasLive = isLive;
    releaseSource();
    if (wasLive) transmit({kind: "stop", rows: unsent.splice(0)}); // past the channel: nobody waits for a reply
  }

  function close(sentence) {
    if (source) showMessage(sentence);
    switchOff();
    recognition.close();
  }

  function end(sentence, kind = "") {
    releaseSource();
    recognition.close();
    showMessage(`${sentence} Run the cell again to go on.`, kind);
    elements.panel.classList.add("dead");
    elements.stage.inert = elements.buttons.inert = true;
    return unsent.splice(0);
  }

  function lose(reason) {
    if (elements.stage.inert) return; // it has ended already
    const off = source ? " The camera was switched off." : "";
    const saved = record ? ` What was recorded is saved as ${record}, but for the last seconds.` : "";
    const rows = end(reason + off + saved, "problem");
    transmit({kind: "stop", rows}); // should the kernel only have been busy
    if (finish) transmit({kind: "finish"});
  }

  elements.play.textContent = `Play ${file}`;
  elements.finish.hidden = !finish;
  showMessage("");
  updateControls();
  const isFirst = !window.ferClose; // in this page, so that whoever was live before is gone without a word
  Promise.resolve(isFirst && channel.request({kind: "stop", rows: []})).then(recall).catch(() => {}); // a busy kernel
  return {receive: channel.receive, close, end, lose};
}
