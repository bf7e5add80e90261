// The drawing pad in the browser. Strokes are kept here, so that the pen never waits for the kernel: while it moves,
// they are sent once per frame (Jupyter keeps the newest back until the last ones are answered), and at pen-up always.

const STEP = 0.025; // of the pad, for one press of an arrow key
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HINT = {
  up: "Keyboard: the arrow keys move the pen, two at once diagonally; Space puts it down.",
  down: "The pen is down: the arrow keys draw, Space lifts it.",
};

const BAR = '<span class="track" aria-hidden="true"><span class="fill"></span></span><span class="share"></span>';
const PARTS = `<div class="digit-pad" role="group" aria-label="Digit pad">
  <div class="draw">
    <canvas class="paper" tabindex="0" role="application"
      aria-label="Drawing pad: draw a digit from 0 to 9 here"></canvas>
    <p class="hint" aria-live="polite">${HINT.up}</p>
  </div>
  <div class="see">
    <canvas class="picture" width="28" height="28" role="img"
      aria-label="The image of 28 by 28 pixels that the network receives"></canvas>
    <p>what the network receives, 28 x 28</p>
  </div>
  <ul aria-label="Probability of each digit">
    ${[..."0123456789"].map((digit) => `<li><span class="digit">${digit}</span>${BAR}</li>`).join("")}
  </ul>
  <p class="sentence" role="status"></p>
  <div class="controls">
    <button type="button" class="clear">Clear</button>
    <label>Thickness<input type="range" class="thickness" min="2" max="20" step="1"></label>
    <label><input type="checkbox" class="framing">Framing: the digit scaled and centred, as in the training images</label>
  </div>
</div>`;

// The ink, the pen and the keyboard's cursor on one canvas. `changed(finished)` is called when the strokes change.
function drawingPad(canvas, hint, changed) {
  const pad = { strokes: [], width: 0, busy: false };
  let stroke = null; // the one that is being drawn
  let pointer = null; // the finger, pen or mouse that draws it: a second finger or a palm is ignored
  let cursor = null; // the keyboard's pen, shown once it is used
  const held = new Set(); // arrow keys held down

  function extend(points) {
    for (const [x, y] of points) {
      const inside = x >= 0 && x <= 1 && y >= 0 && y <= 1;
      if (inside && !stroke) pad.strokes.push((stroke = []));
      if (inside) stroke.push([Number(x.toFixed(4)), Number(y.toFixed(4))]);
      else stroke = null; // outside the pad there is no paper: back inside, a new stroke begins
    }
    pad.draw();
    changed(false);
  }

  function finish() {
    stroke = pointer = null;
    pad.busy = false;
    hint.textContent = HINT.up;
    pad.draw();
    changed(true);
  }

  pad.draw = () => {
    const context = canvas.getContext("2d");
    context.setTransform(canvas.width, 0, 0, canvas.width, 0, 0); // the pad has a width of 1
    context.fillRect(0, 0, 1, 1);
    Object.assign(context, { strokeStyle: "#fff", lineWidth: pad.width, lineCap: "round", lineJoin: "round" });
    for (const points of pad.strokes) {
      context.beginPath();
      for (const point of [points[0], ...points]) context.lineTo(...point); // one point alone is a dot
      context.stroke();
    }
    if (cursor && document.activeElement === canvas) drawCursor(context);
  };

  function drawCursor(context) {
    const [x, y] = cursor, arm = 1 / 28;
    context.lineWidth = 1 / 140;
    context.strokeStyle = pad.busy ? "#ffb000" : "#56b4e9"; // readable on black and on white ink
    context.beginPath();
    context.arc(x, y, arm / 2, 0, 2 * Math.PI);
    for (const [dx, dy] of Object.values(DIRECTIONS)) {
      context.moveTo(x + (dx * arm) / 2, y + (dy * arm) / 2);
      context.lineTo(x + dx * arm, y + dy * arm);
    }
    context.stroke();
  }

  pad.clear = () => {
    pad.strokes = [];
    finish();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return;
    if (pad.busy) finish(); // a stroke of the keyboard
    cursor = null;
    pointer = event.pointerId;
    pad.busy = true;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(pointer); // goes on when the pen leaves the pad
    add(event);
  });
  for (const type of ["pointermove", "pointerup"]) canvas.addEventListener(type, add);
  // When the pen is lifted, or the browser takes it for something else.
  canvas.addEventListener("lostpointercapture", (event) => event.pointerId === pointer && finish());

  function add(event) {
    if (event.pointerId !== pointer) return;
    const box = canvas.getBoundingClientRect();
    const coalesced = event.getCoalescedEvents?.() ?? []; // all that the pen reported since the last frame
    const events = coalesced.length ? coalesced : [event];
    extend(events.map(({ clientX, clientY }) => [(clientX - box.left) / box.width, (clientY - box.top) / box.height]));
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || pointer !== null) return;
    if (event.key !== " " && !(event.key in DIRECTIONS)) return;
    event.preventDefault(); // or the page scrolls
    cursor ??= [0.5, 0.5];
    if (event.key in DIRECTIONS) move(event.key);
    else if (!event.repeat) penUpOrDown();
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));
  canvas.addEventListener("focus", pad.draw);
  canvas.addEventListener("blur", () => {
    held.clear();
    if (pad.busy && pointer === null) finish();
    else pad.draw();
  });

  function penUpOrDown() {
    if (pad.busy) return finish();
    pad.busy = true;
    hint.textContent = HINT.down;
    extend([cursor]);
  }

  function move(key) {
    held.add(key);
    for (const other of held) {
      cursor = cursor.map((place, axis) => Math.min(Math.max(place + STEP * DIRECTIONS[other][axis], 0), 1));
    }
    if (pad.busy) extend([cursor]);
    else pad.draw();
  }

  return pad;
}

function render({ model, el }) {
  el.innerHTML = PARTS;
  const root = el.firstElementChild;
  const [canvas, hint, picture, sentence, clear, thickness, framing] = [
    ...root.querySelectorAll(".paper, .hint, .picture, .sentence, .clear, .thickness, .framing"),
  ];
  // JupyterLab would take plain keys for its own: arrows go to another cell, d d deletes one.
  root.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
    if (plain && event.key !== "Tab" && event.key !== "Escape") event.stopPropagation();
  });

  let frame = 0; // the animation frame that will send, 0 for none
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const send = () => {
    frame = 0;
    set("strokes", structuredClone(pad.strokes)); // a copy, or no change would be seen
  };
  const pad = drawingPad(canvas, hint, (finished) => {
    sentence.setAttribute("aria-busy", String(pad.busy)); // screen readers wait until the pen is lifted
    if (finished) {
      cancelAnimationFrame(frame);
      send();
    } else frame ||= requestAnimationFrame(send);
  });

  clear.addEventListener("click", pad.clear);
  thickness.addEventListener("input", () => set("width", thickness.valueAsNumber / 100));
  framing.addEventListener("change", () => set("framed", framing.checked));

  // What another view of the same pad, or code in the notebook, has changed.
  const show = {
    strokes: () => {
      if (pad.busy) return; // the stroke in progress is newer
      pad.strokes = structuredClone(model.get("strokes"));
      pad.draw();
    },
    width: () => {
      pad.width = model.get("width");
      thickness.value = 100 * pad.width;
      thickness.setAttribute("aria-valuetext", `${thickness.value} % of the pad`);
      pad.draw();
    },
    framed: () => (framing.checked = model.get("framed")),
    picture: () => {
      const bytes = model.get("picture"), image = new ImageData(28, 28);
      for (let i = 0; i < 28 * 28; i++) {
        const grey = bytes?.byteLength ? bytes.getUint8(i) : 0;
        image.data.set([grey, grey, grey, 255], 4 * i);
      }
      picture.getContext("2d").putImageData(image, 0, 0);
    },
    probabilities: () => {
      const probabilities = model.get("probabilities"), highest = Math.max(...probabilities);
      root.querySelectorAll("li").forEach((row, digit) => {
        const probability = probabilities[digit];
        row.querySelector(".fill").style.width = `${100 * (probability ?? 0)}%`;
        row.querySelector(".share").textContent = probabilities.length ? `${Math.round(100 * probability)} %` : "–";
        row.classList.toggle("best", probability === highest);
      });
    },
    sentence: () => (sentence.textContent = model.get("sentence")),
    failed: () => root.classList.toggle("failed", model.get("failed")),
  };
  for (const [name, update] of Object.entries(show)) {
    model.on(`change:${name}`, update);
    update();
  }

  // As many pixels as the screen has there, also after a zoom or a move to another screen.
  const observer = new ResizeObserver(() => {
    canvas.width = canvas.height = Math.round(canvas.clientWidth * devicePixelRatio) || 1;
    pad.draw();
  });
  observer.observe(canvas);

  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    for (const [name, update] of Object.entries(show)) model.off(`change:${name}`, update);
  };
}

export default { render };
