"use strict";
// The list is complete without this: it only searches, filters, sorts and shortens.
(() => {
  const table = document.getElementById("list");
  if (!table) return;
  const STEP = 25;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const byId = (id) => document.getElementById(id);
  const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]|[\u2018\u2019'`]\s*/g, "").toLowerCase();
  const collator = new Intl.Collator("en-GB", { numeric: true });
  const words = rows.map((row) => fold(row.dataset.words));
  const tools = document.querySelector(".tools");
  tools.hidden = false;
  let most = STEP;
  let sorting = { key: "", up: true };

  const fits = (row, place) => {
    const wanted = fold(byId("words").value).split(/\s+/).filter(Boolean);
    if (!wanted.every((word) => words[place].includes(word))) return false;
    const kind = byId("kind")?.value;
    const count = (name) => Number(row.dataset[name] || 0);
    if (kind === "neither" && (count("worse") || count("better"))) return false;
    if (kind && kind !== "neither" && !count(kind)) return false;
    const theme = byId("theme")?.value;
    return !theme || row.dataset.themes.split("|").includes(theme);
  };

  const update = () => {
    const fitting = new Set(rows.filter(fits));
    let shown = 0;
    Array.from(body.rows).forEach((row) => {
      row.hidden = !fitting.has(row) || shown >= most;
      shown += !row.hidden;
    });
    const of = table.dataset.of;
    byId("found").textContent = shown < fitting.size ? `${fitting.size} ${of}, first ${shown} shown` : `${fitting.size} of ${rows.length} ${of}`;
    byId("more").hidden = shown >= fitting.size;
    const found = byId("words").value.trim(); // a borough's own list goes on with the search
    if (of === "boroughs") rows.forEach((row) => { row.querySelector("a").hash = found && `find=${encodeURIComponent(found)}`; });
  };

  const sort = (key, up) => {
    sorting = { key, up };
    const text = key === "name";
    const value = (row) => row.dataset[key];
    rows.slice().sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === y) return 0;
      if (x === "" || y === "") return x === "" ? 1 : -1; // what is not known comes last
      return (up ? 1 : -1) * (text ? collator.compare(x, y) : Number(x) - Number(y));
    }).forEach((row) => body.append(row));
    table.querySelectorAll("th[data-key]").forEach((head) => {
      if (head.dataset.key === key) head.setAttribute("aria-sort", up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    update();
  };

  table.querySelectorAll("th[data-key]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const again = sorting.key === head.dataset.key;
      sort(head.dataset.key, again ? !sorting.up : ["name", "rank", "pilot"].includes(head.dataset.key));
    });
  });
  byId("order").addEventListener("change", (event) => {
    const [key, direction] = event.target.value.split(" ");
    sort(key, direction === "up");
  });
  ["words", "kind", "theme"].forEach((id) => byId(id)?.addEventListener("input", () => { most = STEP; update(); }));
  byId("more").addEventListener("click", () => { most += 4 * STEP; update(); });
  const reveal = () => { // a link to an area leads to its row, also when the list is shortened
    if (location.hash.startsWith("#find=")) {
      byId("words").value = decodeURIComponent(location.hash.slice("#find=".length));
      update();
      byId("list").scrollIntoView();
      return;
    }
    const row = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.closest("#list")) { row.hidden = false; row.scrollIntoView(); }
    const code = decodeURIComponent(location.hash.slice(1));
    const borough = !row && rows.find((one) => code && one.dataset.words.split(" ").includes(code));
    if (borough) location.replace(borough.querySelector("a").getAttribute("href") + location.hash);
  };
  update();
  reveal();
  window.addEventListener("hashchange", reveal);
})();
