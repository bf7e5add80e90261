// Start or pause, step and reset. While it runs, the browser asks the kernel for a step (`request`), and for the next
// one only when that is done (`answered`). The loop belongs to the view: it ends when the view goes.

const BUTTON = 'button type="button" class="jupyter-widgets jupyter-button widget-button course-button"';
const BUTTONS = ["Start", "Step", "Reset"].map((name) => `<${BUTTON}>${name}</button>`).join("");

function render({ model, el }) {
  el.innerHTML = `<div class="course-runner" role="group">${BUTTONS}<span></span></div>`;
  el.firstElementChild.setAttribute("aria-label", model.get("description"));
  const [toggle, step, reset, count] = el.firstElementChild.children;
  let timer;

  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const ask = (wish) => set("request", [Math.max(model.get("request")[0], model.get("answered")) + 1, wish]);
  const tick = () => {
    const waiting = model.get("request")[0] > model.get("answered"); // also for what another view has asked
    if (model.get("running") && !waiting) ask("tick");
  };
  const show = () => {
    const running = model.get("running"), atEnd = model.get("value") >= model.get("max");
    toggle.textContent = running ? "Pause" : "Start";
    toggle.disabled = atEnd && !running;
    step.disabled = atEnd || running;
    count.textContent = `${model.get("description")}: ${model.get("value")} of ${model.get("max")}`;
    clearTimeout(timer);
    if (running) timer = setTimeout(tick, model.get("pause"));
  };

  toggle.addEventListener("click", () => set("running", !model.get("running")));
  step.addEventListener("click", () => ask("step"));
  reset.addEventListener("click", () => {
    set("running", false);
    ask("reset");
  });
  const changes = "change:running change:answered change:value";
  model.on(changes, show);
  show();

  return () => {
    clearTimeout(timer);
    model.off(changes, show);
    if (model.get("running")) set("running", false);
  };
}

export default { render };
