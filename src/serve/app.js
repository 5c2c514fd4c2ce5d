// The live page: told that there is a new view, it fetches the page once more and puts the new <main> in the place of the
// old one. It knows nothing of what is in there but this:
//   - what is open stays open: <details>, known by data-key, by id, or by its place and its summary without figures;
//   - what was typed or chosen stays, and so do the focus, the selection in a field and the scroll position;
//   - while text in <main> is selected, it stays as it is;
//   - after each replacement the document hears "tapcompare:view", so that scripts of the page can do their work again.
'use strict';
(() => {
  let shown = document.querySelector('meta[name="tapcompare-view"]')?.content ?? '';
  let hung = shown;
  let phase = 'running';
  let busy = false;

  const status = document.getElementById('live');
  const say = (text) => { if (status) { status.textContent = text; } };
  const words = {
    starting: 'starting', waiting: 'live, waiting for the first frame', running: 'live',
    down: 'the interface is down: nothing is captured until it is up again', ending: 'the run comes to its end',
    ended: 'the run has ended; this is what it came to', unreadable: 'the run file cannot be read; this is what it last held',
  };
  const clock = () => new Date().toLocaleTimeString();
  const tell = () => say(phase === 'running' || phase === 'waiting' ? `${words[phase]}, as of ${clock()}` : words[phase] ?? phase);

  // A name under which an element is found again in the next page.
  const nameOf = (element) => {
    if (element.dataset?.key) { return `key ${element.dataset.key}`; }
    if (element.id) { return `id ${element.id}`; }
    const section = element.closest('[data-key],[id]');
    const words = element.querySelector('summary')?.textContent ?? element.name ?? element.getAttribute('href') ?? '';
    return `in ${section ? nameOf(section) : ''} ${element.tagName} ${words.replace(/[\d.,]+/g, '#').trim()}`;
  };
  // Names that several elements share are numbered.
  const named = (root, selector) => {
    const seen = new Map();
    return new Map([...root.querySelectorAll(selector)].map((element) => {
      const name = nameOf(element);
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      return [`${name} ${count}`, element];
    }));
  };
  const FIELDS = 'input,select,textarea';
  const FOCUSABLE = `${FIELDS},a,button,summary,[tabindex]`;

  const remembered = (main) => ({
    open: [...named(main, 'details')].map(([name, element]) => [name, element.open]),
    fields: [...named(main, FIELDS)].map(([name, element]) => [name, element.value, element.checked]),
    focus: [...named(main, FOCUSABLE)].find(([, element]) => element === document.activeElement)?.[0],
    caret: [document.activeElement?.selectionStart ?? null, document.activeElement?.selectionEnd ?? null],
    scroll: [window.scrollX, window.scrollY],
  });

  const restore = (main, before) => {
    const details = named(main, 'details');
    for (const [name, open] of before.open) { const element = details.get(name); if (element) { element.open = open; } }
    const fields = named(main, FIELDS);
    for (const [name, value, checked] of before.fields) {
      const element = fields.get(name);
      if (element && element.type !== 'file') { element.value = value; element.checked = checked; }
    }
    const focused = before.focus && named(main, FOCUSABLE).get(before.focus);
    if (focused) {
      focused.focus({ preventScroll: true });
      if (before.caret[0] !== null && focused.setSelectionRange) {
        try { focused.setSelectionRange(...before.caret); } catch { /* a field without a caret */ }
      }
    }
  };

  const selecting = (main) => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && main.contains(selection.anchorNode);
  };

  const refresh = async () => {
    const main = document.querySelector('main');
    if (busy || document.hidden || hung === shown || !main || selecting(main)) { return; }
    busy = true;
    try {
      const answer = await fetch('/', { cache: 'no-store', credentials: 'same-origin' });
      if (!answer.ok) { throw new Error(`status ${answer.status}`); }
      // A parsed document runs no script and loads nothing.
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const next = page.querySelector('main');
      if (!next) { throw new Error('no page'); }
      const before = remembered(main);
      main.replaceWith(document.adoptNode(next));
      document.title = page.title;
      document.dispatchEvent(new CustomEvent('tapcompare:view'));
      restore(next, before);
      document.dispatchEvent(new CustomEvent('tapcompare:restored'));
      window.scrollTo(...before.scroll);
      shown = page.querySelector('meta[name="tapcompare-view"]')?.content ?? hung;
      hung = shown;
      tell();
    } catch (error) {
      say(`the latest view could not be fetched (${error.message}); this one is older`);
    } finally {
      busy = false;
    }
  };

  const events = new EventSource('/events');
  const heard = (event) => {
    [hung, phase] = event.data.split(' ');
    if (hung === shown) { tell(); }
    refresh();
  };
  events.addEventListener('view', heard);
  events.addEventListener('end', (event) => { events.close(); heard(event); });
  events.addEventListener('error', () => {
    if (events.readyState !== EventSource.CLOSED) { say('the connection is lost and tried again; this page is not the latest'); }
    else if (phase !== 'ended') { say('nobody answers any more; this is what was last seen'); }
  });
  document.addEventListener('visibilitychange', refresh);
  // What was put off while text was selected.
  setInterval(refresh, 2000);
  tell();
})();
