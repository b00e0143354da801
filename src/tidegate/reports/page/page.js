(() => {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const findings = [...document.querySelectorAll(".finding")];
  const texts = findings.map((one) => one.textContent.toLowerCase());
  const told = document.querySelector("#shown");
  const show = () => {
    const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set([...form.querySelectorAll("[name=severity]:checked")].map((box) => box.value));
    let count = 0;
    findings.forEach((one, at) => {
      const fits = wanted.has(one.dataset.severity) && (!form.fixed.checked || one.dataset.fixed === "yes")
        && (!form.attacked.checked || one.dataset.attacked === "yes") && words.every((word) => texts[at].includes(word));
      one.hidden = !fits;
      count += fits ? 1 : 0;
    });
    told.textContent = count + " of " + findings.length + " shown";
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", () => findings.forEach((one) => { one.open = true; }));
  show();
})();
