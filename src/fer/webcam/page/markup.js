// What the panel consists of, and how it looks; colours follow the page's own, light or dark.

const MARKUP = `
<style>
  .panel { font: 14px system-ui, sans-serif; color: var(--jp-ui-font-color1, inherit); max-width: 720px; padding: 4px; }
  [hidden] { display: none !important; }
  .buttons { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 8px; }
  button, select, .choose { font: inherit; color: inherit; border: 1px solid rgba(128, 128, 128, 0.5); cursor: pointer;
    border-radius: 6px; padding: 6px 12px; background: rgba(128, 128, 128, 0.12); }
  button:hover, .choose:hover { background: rgba(128, 128, 128, 0.28); }
  button:focus-visible, select:focus-visible, .choose:focus-within { outline: 2px solid #0072b2; outline-offset: 1px; }
  button.main { background: #0072b2; border-color: #0072b2; color: white; }
  button.main:hover { background: #005a8e; }
  select { max-width: 200px; } option { color: black; background: white; }
  .choose input { position: absolute; width: 1px; height: 1px; opacity: 0; }
  .light { margin-left: auto; white-space: nowrap; }
  .light::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 6px;
    background: rgba(128, 128, 128, 0.6); }
  [data-light=on] .light::before { background: #e5484d; box-shadow: 0 0 6px #e5484d; }
  .stage { position: relative; border-radius: 8px; overflow: hidden; background: black; line-height: 0; }
  .stage > video, .stage > img, .stage > .picture { width: 100%; }
  .stage.mirrored > video { transform: scaleX(-1); }
  .stage.flash > :first-child { filter: brightness(2); }
  .overlay { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
  .countdown { position: absolute; inset: 0; display: grid; place-items: center; font: 700 120px system-ui, sans-serif;
    color: white; text-shadow: 0 0 16px black; pointer-events: none; }
  .speed { font-size: 12px; opacity: 0.75; min-height: 1.4em; margin: 4px 0; font-variant-numeric: tabular-nums; }
  .message { margin: 4px 0; } .message:empty { display: none; }
  .problem { border-left: 4px solid #d55e00; padding: 6px 10px; background: rgba(213, 94, 0, 0.12); }
</style>
<div class="panel" data-lm-suppress-shortcuts="true">
  <div class="buttons">
    <button class="main" data-do="start" data-in="off">Start the camera</button>
    <button class="play main" data-do="play" data-in="off"></button>
    <label class="choose" data-in="off">Choose a video or picture<input type="file" accept="video/*,image/*"></label>
    <button class="main" data-do="goLive" data-in="on">Go live</button>
    <button data-do="takePicture" data-in="on live">Take a picture</button>
    <label data-in="on live"><input type="checkbox" class="timer"> after 3 seconds</label>
    <button data-do="stop" data-in="on live">Stop</button>
    <select class="devices" data-in="off on" title="Camera"></select>
    <button class="finish" data-do="finish">Finish</button>
    <span class="light" role="status"></span>
  </div>
  <div class="stage">
    <video playsinline muted></video><img alt=""><canvas class="picture"></canvas>
    <canvas class="overlay"></canvas><div class="countdown"></div>
  </div>
  <div class="speed"></div>
  <p class="message" role="status"></p>
</div>`;

// Fills the root with the panel and returns its elements. The markup is fixed; whatever comes from a file or the kernel
// is set as textContent.
export function buildPanel(root) {
  const shadow = root.attachShadow({mode: "open"}); // neither the page's styles nor ours leak
  shadow.innerHTML = MARKUP;
  const find = selector => shadow.querySelector(selector);
  find("video").muted = true; // some browsers overlook the attribute in markup, and refuse to play
  return {
    panel: find(".panel"), light: find(".light"), stage: find(".stage"), video: find("video"), image: find("img"),
    canvas: find(".picture"), overlay: find(".overlay"), countdown: find(".countdown"), speed: find(".speed"),
    message: find(".message"), play: find(".play"), finish: find(".finish"), devices: find(".devices"),
    timer: find(".timer"), file: find("input[type=file]"),
  };
}
