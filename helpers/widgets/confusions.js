// A confusion matrix whose cells are buttons. One of them is in the tab order, the arrow keys go to the others.

function render({ model, el }) {
  const names = model.get("class_names"), counts = model.get("counts"), n = names.length;
  const make = (tag, text = "", options = {}) => Object.assign(document.createElement(tag), { textContent: text }, options);
  const scroll = make("div", "", { className: "course-confusions" });
  const table = make("table");
  const caption = make("caption", "Rows: true class. Columns: predicted class. Choose a number to see the images.");
  const head = table.createTHead().insertRow();
  head.append(make("td"), ...names.map((name) => make("th", name.replace("/", "/\u200b"), { scope: "col" })));
  const body = table.createTBody(), buttons = [];
  for (let i = 0; i < n; i++) {
    const row = body.insertRow(), all = counts[i].reduce((a, b) => a + b, 0);
    row.append(make("th", names[i], { scope: "row" }));
    for (let j = 0; j < n; j++) {
      const button = make("button", counts[i][j] || "·", { type: "button" });
      button.setAttribute("aria-label", `true ${names[i]}, predicted ${names[j]}: ${counts[i][j]}`);
      button.title = button.getAttribute("aria-label");
      button.style.setProperty("--share", all ? counts[i][j] / all : 0);
      button.addEventListener("click", () => choose(i * n + j));
      row.insertCell().append(button);
      buttons.push(button);
    }
  }
  table.prepend(caption);
  scroll.append(table);
  el.append(scroll);

  const choose = (cell) => {
    model.set("value", cell);
    model.save_changes();
    buttons[cell].focus();
  };
  const show = () => {
    buttons.forEach((button, cell) => {
      const chosen = cell === model.get("value");
      button.setAttribute("aria-pressed", chosen);
      button.tabIndex = chosen ? 0 : -1;
    });
  };
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  table.addEventListener("keydown", (event) => {
    const move = moves[event.key], at = buttons.indexOf(event.target);
    if (!move || at < 0) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook would go to another cell
    const within = (k) => Math.min(Math.max(k, 0), n - 1);
    choose(within(Math.floor(at / n) + move[0]) * n + within((at % n) + move[1]));
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
