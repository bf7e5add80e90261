// Start or pause, step and reset. While it runs, the browser asks the kernel for a step (`request`), and for the next
// one only when that is done (`answered`). The loop belongs to the view: it ends when the view goes.

const BUTTON = 'button type="button" class="jupyter-widgets jupyter-button widget-button course-button"';

function render({ model, el }) {
  const group = document.createElement("div");
  group.className = "course-runner";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", model.get("description"));
  group.innerHTML = `<${BUTTON}>Start</button><${BUTTON}>Step</button><${BUTTON}>Reset</button><span></span>`;
  const [toggle, step, reset, count] = group.children;
  el.append(group);
  let timer;

  const ask = (wish) => {
    model.set("request", [Math.max(model.get("request")[0], model.get("answered")) + 1, wish]);
    model.save_changes();
  };
  const tick = () => {
    const waiting = model.get("request")[0] > model.get("answered");
    if (model.get("running") && !waiting) ask("tick");
  };
  const later = () => {
    clearTimeout(timer);
    if (model.get("running")) timer = setTimeout(tick, model.get("pause"));
  };
  const run = (running) => {
    model.set("running", running);
    model.save_changes();
  };
  const show = () => {
    const running = model.get("running"), atEnd = model.get("value") >= model.get("max");
    toggle.textContent = running ? "Pause" : "Start";
    toggle.disabled = atEnd && !running;
    step.disabled = atEnd || running;
    count.textContent = `${model.get("description")}: ${model.get("value")} of ${model.get("max")}`;
  };
  const started = () => {
    show();
    later();
  };

  toggle.addEventListener("click", () => run(!model.get("running")));
  step.addEventListener("click", () => ask("step"));
  reset.addEventListener("click", () => {
    run(false);
    ask("reset");
  });
  model.on("change:running", started);
  model.on("change:answered", later);
  model.on("change:value change:max", show);
  started();

  return () => {
    clearTimeout(timer);
    model.off("change:running", started);
    model.off("change:answered", later);
    model.off("change:value change:max", show);
    if (model.get("running")) run(false);
  };
}

export default { render };
