// A confusion matrix whose cells are buttons. One of them is in the tab order, the arrow keys go to the others.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function render({ model, el }) {
  const names = model.get("class_names"), counts = model.get("counts"), last = names.length - 1;
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const scroll = make("div", { className: "course-confusions" }), table = make("table"), buttons = [];
  table.createCaption().textContent = "Rows: true class. Columns: predicted class. Choose a number to see the images.";
  const head = table.createTHead().insertRow();
  const headings = names.map((name) => make("th", { textContent: name.replace("/", "/\u200b"), scope: "col" }));
  head.append(make("td"), ...headings);
  const body = table.createTBody();
  counts.forEach((row, i) => {
    const cells = body.insertRow(), all = row.reduce((a, b) => a + b, 0);
    cells.append(make("th", { textContent: names[i], scope: "row" }));
    row.forEach((n, j) => {
      const title = `true ${names[i]}, predicted ${names[j]}: ${n}`;
      const button = make("button", { textContent: n || "·", type: "button", title, ariaLabel: title });
      button.style.setProperty("--share", all ? n / all : 0);
      button.addEventListener("click", () => choose(i, j));
      cells.insertCell().append(button);
      buttons.push(button);
    });
  });
  scroll.append(table);
  el.append(scroll);

  const choose = (i, j) => {
    const cell = i * names.length + j;
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
  table.addEventListener("keydown", (event) => {
    const move = MOVES[event.key], at = buttons.indexOf(event.target);
    if (!move || at < 0) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook would go to another cell
    const within = (k) => Math.min(Math.max(k, 0), last);
    choose(within(Math.floor(at / names.length) + move[0]), within((at % names.length) + move[1]));
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
