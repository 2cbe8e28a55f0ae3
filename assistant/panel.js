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
  const button = e.target.closest('[data-act]');
  if (!button || button.disabled) return;
  e.preventDefault();
  const sent = {...button.dataset}, form = button.closest('[data-form]');
  if (form) for (const field of form.querySelectorAll('[name]')) {
    if (!field.reportValidity()) return;
    sent[field.name] = field.value;
  }
  if (sent.url) history.replaceState(null, '', sent.url);
  if (button.dataset.once !== undefined) { button.disabled = true; button.dataset.pressed = ''; }
  trigger('select', sent);
});
element.addEventListener('toggle', e => {
  const box = e.target;
  if (!box.open || !box.matches('details.x-pop')) return;
  element.querySelectorAll('details.x-pop[open]').forEach(x => { if (x !== box) x.open = false; });
  const first = box.querySelector('textarea,[data-act]');
  if (first) first.focus();
}, true);
