document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable]')) return;
  const lines = [...element.querySelectorAll('#script .x-line')];
  const at = lines.findIndex(line => line.contains(document.activeElement));
  if (e.key === 'j' || e.key === 'k') {
    const next = lines[at < 0 ? 0 : at + (e.key === 'j' ? 1 : -1)];
    if (next) { e.preventDefault(); next.focus(); next.scrollIntoView({block: 'nearest'}); }
  } else if (e.key === 'Escape' && at >= 0) {
    lines[at].querySelectorAll('details.x-pop[open]').forEach(box => { box.open = false; });
  } else if ((e.key === 'w' || e.key === 'e') && at >= 0) {
    const box = lines[at].querySelector('[data-key-open="' + e.key + '"]')?.closest('details');
    if (box) { e.preventDefault(); box.open = !box.open; if (!box.open) lines[at].focus(); }
  }
});
