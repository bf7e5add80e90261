// Gives the panel and its sliders the names that screen readers read out: ipywidgets shows a slider's label beside it
// and does not say that it belongs to it. Nor does it say which of the options side by side is pressed.
function render({ model, el }) {
  let observer;
  const name = () => {
    const panel = el.closest(".course-panel");
    if (!panel) return requestAnimationFrame(name); // not on the page yet
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", model.get("title"));
    for (const control of panel.querySelectorAll(".widget-slider, .widget-toggle-buttons")) {
      const label = control.querySelector(".widget-label")?.textContent ?? "";
      for (const part of control.querySelectorAll("[role=slider], [contenteditable]")) {
        part.setAttribute("aria-label", label);
      }
      if (control.matches(".widget-toggle-buttons")) {
        control.setAttribute("role", "group");
        control.setAttribute("aria-label", label);
        for (const option of control.querySelectorAll("button")) {
          option.setAttribute("aria-pressed", option.classList.contains("mod-active"));
        }
      }
    }
    if (!observer) {
      observer = new MutationObserver(name); // controls that come later, and another option pressed
      observer.observe(panel, { childList: true, subtree: true, attributeFilter: ["class"] });
    }
  };
  name();
  return () => observer?.disconnect();
}

export default { render };
