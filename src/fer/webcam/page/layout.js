// What the panel is built of, and how it looks; colours follow the page's own, light or dark.

const MARKUP = `
<style>
  .panel { font: 14px system-ui, sans-serif; color: var(--jp-ui-font-color1, inherit); max-width: 720px; padding: 4px; }
  [hidden] { display: none !important; }
  .bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 8px; }
  button, select, .choose { font: inherit; color: inherit; border: 1px solid rgba(128, 128, 128, 0.5); cursor: pointer;
    border-radius: 6px; padding: 6px 12px; background: rgba(128, 128, 128, 0.12); }
  button:hover, .choose:hover { background: rgba(128, 128, 128, 0.28); }
  button:focus-visible, select:focus-visible, .choose:focus-within { outline: 2px solid #0072b2; outline-offset: 1px; }
  button:disabled { cursor: default; opacity: 0.75; }
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
  .count { position: absolute; inset: 0; display: grid; place-items: center; font: 700 120px system-ui, sans-serif;
    color: white; text-shadow: 0 0 16px black; pointer-events: none; }
  .numbers { font-size: 12px; opacity: 0.75; min-height: 1.4em; margin: 4px 0; font-variant-numeric: tabular-nums; }
  .message { margin: 4px 0; } .message:empty { display: none; }
  .problem { border-left: 4px solid #d55e00; padding: 6px 10px; background: rgba(213, 94, 0, 0.12); }
  .result { border-top: 1px solid rgba(128, 128, 128, 0.4); margin-top: 16px; padding-top: 8px; }
  .result h4 { display: flex; align-items: center; justify-content: space-between; margin: 0 0 8px; font-size: 15px; }
  .result h4 button { font-weight: normal; font-size: 13px; }
  .result img { display: block; max-width: 100%; border-radius: 6px; margin-bottom: 8px; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums; }
  th, td { padding: 3px 6px; text-align: right; border-bottom: 1px solid rgba(128, 128, 128, 0.3); }
</style>
<div class="panel" data-lm-suppress-shortcuts="true">
  <div class="bar">
    <button class="main" data-do="start" data-in="off">Start the camera</button>
    <button class="play main" data-do="play" data-in="off"></button>
    <label class="choose" data-in="off">Choose a video or picture<input type="file" accept="video/*,image/*"></label>
    <button class="main" data-do="live" data-in="on">Go live</button>
    <button data-do="snap" data-in="on live">Take a picture</button>
    <label data-in="on live"><input type="checkbox" class="timer"> after 3 seconds</label>
    <button data-do="stop" data-in="on live">Stop</button>
    <select class="devices" data-in="off on" title="Camera"></select>
    <button class="finish" data-do="finish">Finish</button>
    <span class="light" role="status"></span>
  </div>
  <div class="stage">
    <video playsinline muted></video><img alt=""><canvas class="picture"></canvas>
    <canvas class="overlay"></canvas><div class="count"></div>
  </div>
  <div class="numbers"></div>
  <p class="message" role="status"></p>
  <div class="results"></div>
</div>`;

function buildPanel(root) {
  const shadow = root.attachShadow({mode: "open"}); // neither the page's styles nor ours leak
  shadow.innerHTML = MARKUP; // fixed text; whatever comes from a file or the kernel is set as textContent
  const find = selector => shadow.querySelector(selector);
  find("video").muted = true; // some browsers overlook the attribute in markup, and refuse to play
  return {
    panel: find(".panel"), light: find(".light"), stage: find(".stage"), video: find("video"), image: find("img"),
    canvas: find(".picture"), overlay: find(".overlay"), count: find(".count"), numbers: find(".numbers"),
    message: find(".message"), results: find(".results"), play: find(".play"), finish: find(".finish"),
    devices: find(".devices"), timer: find(".timer"), file: find("input[type=file]"),
  };
}

// The newest result stands on top. rows: objects with the same keys, shown as a table.
function addResult(results, title, pictures, rows, save) {
  const result = make("section", {className: "result"});
  const heading = make("h4", {}, [make("span", {textContent: title})]);
  if (save) {
    const button = make("button", {textContent: "Save to results/", className: "save"});
    button.addEventListener("click", () => save(button));
    heading.append(button);
  }
  result.append(heading, ...pictures.map(picture => make("img", {src: URL.createObjectURL(picture), alt: title})));
  if (rows.length) result.append(make("div", {className: "scroll"}, [makeTable(rows)]));
  results.prepend(result);
}

function makeTable(rows) {
  const line = (kind, values) => make("tr", {}, values.map(value => make(kind, {textContent: value})));
  return make("table", {}, [line("th", Object.keys(rows[0])), ...rows.map(row => line("td", Object.values(row)))]);
}

function make(kind, properties, children = []) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}
