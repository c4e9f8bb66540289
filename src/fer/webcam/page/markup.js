// What the panel consists of, and how it looks; colours follow the page's own, light or dark.

const MARKUP = `
<style>
  .panel { font: 14px system-ui, sans-serif; color: var(--jp-ui-font-color1, inherit); max-width: 720px; padding: 4px; }
  [hidden] { display: none !important; }
  .stage { position: relative; border-radius: 8px; overflow: hidden; background: #16181d; color: white; line-height: 0;
    aspect-ratio: 4 / 3; } /* whatever it shows, so that the buttons below keep their places */
  .stage.over { outline: 3px dashed #0072b2; }
  .stage > video, .stage > img, .stage > canvas { position: absolute; inset: 0; width: 100%; height: 100%;
    object-fit: contain; }
  .stage.mirrored > video, .stage.mirrored > .still { transform: scaleX(-1); }
  .stage.flash > :first-child { filter: brightness(2); }
  .overlay { pointer-events: none; }
  .countdown { position: absolute; inset: 0; display: grid; place-items: center; font: 700 120px system-ui, sans-serif;
    color: white; text-shadow: 0 0 16px black; pointer-events: none; }
  .welcome { position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center;
    justify-content: center; gap: 20px; padding: 16px; text-align: center; line-height: 1.6; }
  .welcome p { margin: 0; }
  .light { position: absolute; top: 10px; right: 10px; padding: 4px 10px; border-radius: 12px; line-height: 1.4;
    font-size: 12px; background: rgba(0, 0, 0, 0.6); }
  .light::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px;
    background: #888; }
  [data-light=on] .light::before { background: #e5484d; box-shadow: 0 0 6px #e5484d; }
  .back { position: absolute; left: 10px; bottom: 10px; line-height: 1.4; }
  .buttons { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-top: 8px; }
  button, select, .choose { font: inherit; color: inherit; border: 1px solid rgba(128, 128, 128, 0.5); cursor: pointer;
    border-radius: 6px; padding: 6px 12px; background: rgba(128, 128, 128, 0.12); }
  button:hover, .choose:hover { background: rgba(128, 128, 128, 0.28); }
  button:focus-visible, select:focus-visible, .choose:focus-within, a:focus-visible { outline: 2px solid #56b4e9;
    outline-offset: 2px; }
  button:disabled, select:disabled { opacity: 0.4; cursor: default; background: none; }
  button.main { background: #0072b2; border-color: #0072b2; color: white; }
  button.main:hover { background: #005a8e; } button.main:disabled { background: #0072b2; }
  .big { font-size: 20px; padding: 14px 32px; border-radius: 10px; }
  .buttons button { padding: 6px 9px; } .live { min-width: 6em; } .camera { min-width: 10.5em; }
  select { max-width: 200px; } option { color: black; background: white; }
  .choose input { position: absolute; width: 1px; height: 1px; opacity: 0; }
  .message { margin: 8px 0 0; min-height: 1.4em; }
  .problem { border-left: 4px solid #d55e00; padding: 6px 10px; background: rgba(213, 94, 0, 0.12); }
  .taken { display: flex; flex-wrap: wrap; gap: 8px 12px; }
  .taken a { color: inherit; font-size: 12px; display: grid; justify-items: start; gap: 2px; }
  .taken img { display: block; height: 110px; border-radius: 8px; background: white; }
  .taken .timeline:first-child img { width: 100%; height: auto; }
  .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .developer { margin-top: 4px; font-size: 12px; opacity: 0.75; font-variant-numeric: tabular-nums; }
  .developer summary { cursor: pointer; }
  .dead .stage, .dead .buttons { filter: grayscale(1); opacity: 0.35; }
</style>
<div class="panel">
  <div class="stage">
    <video playsinline muted></video><img class="image" alt=""><canvas class="picture"></canvas>
    <img class="still" alt="The picture that was taken"><canvas class="overlay"></canvas>
    <div class="countdown"></div>
    <div class="welcome">
      <button class="main big start" data-do="start">Start the camera</button>
      <p>No camera? Drop a photo or a video here.</p>
      <p><label class="choose">Choose a video or picture<input type="file" accept="video/*,image/*"></label>
        <button class="play" data-do="play"></button></p>
    </div>
    <button class="back main" data-do="closeStill">Back</button>
    <span class="light" role="status"></span>
  </div>
  <div class="buttons">
    <button class="main live" data-do="toggleLive" data-in="on live"></button>
    <button class="take" data-do="takePicture" data-in="on live">Take a picture</button>
    <label><input type="checkbox" class="timer"> after 3 seconds</label>
    <label><input type="checkbox" class="mirror" checked> mirrored</label>
    <button class="camera" data-do="stop" data-in="on live"></button>
    <button class="finish" data-do="finish" data-in="off on live">Finish</button>
    <select class="devices" aria-label="Camera" data-in="off on live"></select>
  </div>
  <p class="message"><span class="text" role="status"></span></p>
  <div class="taken"></div>
  <p class="heard" aria-live="polite"></p>
  <details class="developer"><summary>Speed</summary><span class="speed"></span></details>
</div>`;

// Fills the root with the panel and returns its elements. The markup is fixed; whatever comes from a file or the kernel
// is set as textContent.
export function buildPanel(root) {
  // Else "d d" deletes the cell in JupyterLab, which does not see what has the focus inside a shadow.
  root.dataset.lmSuppressShortcuts = "true";
  const shadow = root.attachShadow({mode: "open"}); // neither the page's styles nor ours leak
  shadow.innerHTML = MARKUP;
  const find = selector => shadow.querySelector(selector);
  find("video").muted = true; // some browsers overlook the attribute in markup, and refuse to play
  const classes = ["panel", "stage", "image", "picture", "still", "overlay", "countdown", "welcome", "start", "play", "back",
    "light", "live", "take", "timer", "mirror", "devices", "camera", "finish", "message", "text", "taken",
    "buttons", "heard", "speed"];
  return {
    ...Object.fromEntries(classes.map(name => [name, find(`.${name}`)])),
    video: find("video"), file: find("input[type=file]"),
  };
}
