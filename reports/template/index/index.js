"use strict";
// The list is complete without this: it only adds searching and sorting.
(() => {
  const table = document.getElementById("list");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]|[\u2018\u2019'`]\s*/g, "").toLowerCase();
  const words = document.getElementById("words");
  const found = document.getElementById("found");
  const texts = rows.map((row) => fold(row.textContent));

  document.querySelector(".search").hidden = false;
  words.addEventListener("input", () => {
    const wanted = fold(words.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      row.hidden = !wanted.every((word) => texts[place].includes(word));
      shown += !row.hidden;
    });
    found.textContent = wanted.length ? `${shown} of ${rows.length}` : "";
  });

  table.querySelectorAll("th[data-sort]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const text = (row) => row.cells[head.cellIndex].textContent.trim();
      const order = new Intl.Collator("en-GB", { numeric: true });
      rows.slice().sort((a, b) => (up ? 1 : -1) * order.compare(text(a), text(b))).forEach((row) => body.append(row));
    });
  });
})();
