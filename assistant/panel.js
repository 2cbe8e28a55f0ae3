// A panel that is drawn anew keeps what was folded open; a field that now belongs to something else is emptied.
const folded = new Map();
const params = pairs => {
  const url = new URL(location.href);
  for (const [key, value] of pairs) value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
  history.replaceState(null, '', url);
};
const gather = (form, sent) => {
  for (const field of form.querySelectorAll('[name]')) {
    if (field.closest('[data-form]') !== form) continue;
    if (field.type === 'checkbox') {
      sent[field.name] = [sent[field.name], field.checked ? field.value : ''].filter(x => x).join(',');
      continue;
    }
    if (!field.reportValidity()) {
      const fold = field.closest('details:not([open])'); if (fold) { fold.open = true; field.reportValidity(); }
      return false;
    }
    sent[field.name] = field.value;
  }
  return true;
};
element.addEventListener('click', e => {
  const chip = e.target.closest('[data-cite]');
  if (chip) {
    const n = chip.dataset.cite, root = document.getElementById(chip.dataset.within) || element;
    document.querySelectorAll('.x-hit').forEach(x => x.classList.remove('x-hit'));
    root.querySelectorAll('[data-evidence="' + CSS.escape(n) + '"]').forEach(x => {
      const box = x.closest('details'); if (box) box.open = true;
      x.classList.add('x-hit'); x.scrollIntoView({block: 'nearest', behavior: 'smooth'});
    });
    chip.classList.add('x-hit');
    return;
  }
  const close = e.target.closest('[data-close]');
  if (close) { close.closest('details').open = false; return; }
  const all = e.target.closest('[data-check]');
  if (all) {
    const boxes = [...element.querySelectorAll('[type=checkbox][name="' + all.dataset.check + '"]')];
    const on = boxes.some(x => !x.checked); boxes.forEach(x => { x.checked = on; });
    return;
  }
  const button = e.target.closest('[data-act]');
  if (!button || button.disabled) return;
  e.preventDefault();
  const sent = {...button.dataset}, form = button.closest('[data-form]');
  if (form && !gather(form, sent)) return;
  const sheet = button.closest('details.x-pop');
  if (sheet) folded.delete(sheet.dataset.keep);  // done with: the next drawing closes it, an error leaves it open
  if (sent.url) history.replaceState(null, '', sent.url);
  if (sent.set !== undefined) params(new URLSearchParams(sent.set));
  if (sent.param) params([[sent.param, sent[sent.param]]]);
  if (sent.act === 'tab' && !element.querySelector('nav.x-tabs')) {
    document.querySelector('nav.x-tabs a[data-tab="' + CSS.escape(sent.tab) + '"]')?.click();
    return;
  }
  if (sent.push && !(button.getAttribute('aria-current'))) {
    const kept = new URLSearchParams(location.search), url = new URL(sent.push, location.href);
    for (const [key, value] of kept) if (!url.searchParams.has(key)) url.searchParams.set(key, value);
    history.pushState(null, '', url);
  }
  if (button.dataset.once !== undefined) { button.disabled = true; button.dataset.pressed = ''; }
  trigger('select', sent);
});
element.addEventListener('toggle', e => {
  const box = e.target;
  if (box.dataset.keep) folded.set(box.dataset.keep, box.open);
  if (!box.open || !box.matches('details.x-pop,details.x-help')) return;
  element.querySelectorAll('details.x-pop[open],details.x-help[open]').forEach(x => { if (x !== box && !x.contains(box)) x.open = false; });
  const first = box.matches('.x-pop') && !box.contains(document.activeElement.closest('.x-sheet')) && box.querySelector('textarea,[data-act]');
  if (first) first.focus();
}, true);
const owners = new WeakMap();
const restore = () => {
  element.querySelectorAll('details[data-keep]').forEach(x => { if (folded.has(x.dataset.keep)) x.open = folded.get(x.dataset.keep); });
  element.querySelectorAll('[data-key]').forEach(x => {
    if (owners.has(x) && owners.get(x) !== x.dataset.key) x.value = x.defaultValue;
    owners.set(x, x.dataset.key);
  });
};
watch('value', () => queueMicrotask(restore));
element.addEventListener('keydown', e => {
  if (e.key !== 'Escape') return;
  const box = e.target.closest('details.x-pop[open],details.x-help[open]');
  if (box) { box.open = false; box.querySelector('summary').focus(); }
});
element.addEventListener('pointerover', e => {
  const stop = e.target.closest('[data-say]'), said = element.querySelector('.x-readout');
  if (said) said.textContent = stop ? stop.dataset.say : '';
});
element.addEventListener('input', e => {
  const box = e.target;
  if (box.dataset.filter) {
    const words = box.value.toLowerCase().split(/\s+/), kind = element.querySelector('[data-filter-kind]')?.value || '';
    element.querySelectorAll(box.dataset.filter).forEach(row => {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every(word => text.includes(word)) && (!kind || row.dataset.kind === kind));
    });
  } else if (box.matches('[data-filter-kind]')) {
    element.querySelector('[data-filter]').dispatchEvent(new Event('input', {bubbles: true}));
  } else if (box.dataset.most) {
    const same = [...element.querySelectorAll('[name="' + box.name + '"]')], on = same.filter(x => x.checked).length;
    same.forEach(x => { x.disabled = !x.checked && on >= Number(box.dataset.most); });
  }
});
