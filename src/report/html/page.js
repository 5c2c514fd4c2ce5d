// What makes the page handy; without it everything is there and nothing is hidden but the filter and the buttons to copy.
// It reads the page that it is in, never makes markup of a text, and asks nobody. Where the page is live, <main> is
// replaced from time to time: "tapcompare:restored" tells, and what was chosen is applied again.
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const ROWS = '#endpoints tbody tr, #differences .group, #failures .group, #rules .rule, #coverage tbody tr, #trial tbody tr:not(.sum-row)';

  // One endpoint by itself. CSS does it by :target; a replaced <main> has none until somebody follows a link again.
  const choose = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    for (const one of all('.endpoint')) { one.classList.toggle('shown', one.id === id); }
    for (const row of all('#endpoints tbody tr')) {
      row.classList.toggle('chosen', row.querySelector('a')?.hash === `#${id}`);
    }
  };
  // The browser itself goes there and gives it the focus, but not where the filter hides it.
  const follow = () => {
    choose();
    const place = byId(decodeURIComponent(location.hash.slice(1)));
    const hidden = place?.closest('[hidden]');
    if (hidden) { hidden.removeAttribute('hidden'); place.scrollIntoView(); }
  };

  // The filter: each word must be in the row.
  const filter = () => {
    const field = byId('filter');
    const form = field?.closest('.filter');
    if (!form) { return; }
    form.hidden = false;
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const harmed = byId('harmed').checked;
    let [shown, endpoints] = [0, 0];
    for (const row of all(ROWS)) {
      const text = row.textContent.toLowerCase();
      const endpoint = row.parentElement.parentElement.matches('.endpoints');
      const stays = words.every((word) => text.includes(word)) && (!harmed || !endpoint || 'harmed' in row.dataset);
      row.hidden = !stays;
      if (endpoint) { endpoints += 1; shown += stays ? 1 : 0; }
    }
    byId('filtered').textContent = words.length || harmed ? `${shown} of ${endpoints} endpoints` : '';
  };

  // Tooltips: beside the pointer, or below what has the focus.
  const tip = byId('tip');
  const hide = () => { tip.hidden = true; };
  const show = (element, x, y) => {
    tip.textContent = element.dataset.tip;
    tip.hidden = false;
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const left = Math.max(4, Math.min(x, document.documentElement.clientWidth - width - 4));
    const top = y + height > window.innerHeight ? y - height - 24 : y;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${Math.max(0, top) + window.scrollY}px`;
  };
  // What a plot tells is a <title>, which needs no script; with one it is shown as the others are.
  const told = (event) => {
    const title = event.target.matches?.('.tip') && event.target.querySelector('title');
    if (title) { event.target.dataset.tip = title.textContent; title.remove(); }
    return event.target.closest?.('[data-tip]');
  };
  document.addEventListener('pointermove', (event) => {
    const element = told(event);
    if (element) { show(element, event.clientX + 12, event.clientY + 16); } else { hide(); }
  });
  document.addEventListener('focusin', (event) => {
    const element = told(event);
    if (!element) { hide(); return; }
    const box = element.getBoundingClientRect();
    show(element, box.left, box.bottom + 6);
  });
  document.addEventListener('focusout', hide);

  // A command or a rule, to be pasted elsewhere.
  const copy = async (button) => {
    const text = button.parentElement.querySelector('pre');
    let done = 'copied';
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      document.getSelection().selectAllChildren(text);
      done = 'selected: copy it';
    }
    button.textContent = done;
    setTimeout(() => { button.textContent = 'copy'; }, 2000);
  };

  const prepare = () => {
    for (const button of all('button.copy')) { button.hidden = false; }
    filter();
    choose();
  };
  document.addEventListener('input', (event) => { if (event.target.closest('.filter')) { filter(); } });
  document.addEventListener('submit', (event) => { event.preventDefault(); });
  document.addEventListener('click', (event) => {
    if (event.target.matches('button.copy')) { copy(event.target); }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { hide(); }
    const typing = event.target.matches('input, textarea, select');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && byId('filter')) {
      event.preventDefault();
      byId('filter').focus();
      byId('filter').select();
    }
  });
  window.addEventListener('hashchange', follow);
  // Before what was typed and focused is put back, too: what is hidden takes no focus.
  document.addEventListener('tapcompare:view', prepare);
  document.addEventListener('tapcompare:restored', prepare);
  // On paper everything is shown.
  window.addEventListener('beforeprint', () => { for (const one of all('details')) { one.dataset.was = one.open; one.open = true; } });
  window.addEventListener('afterprint', () => { for (const one of all('details')) { one.open = one.dataset.was === 'true'; } });
  prepare();
  if (location.hash) { follow(); }
})();
