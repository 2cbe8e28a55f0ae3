document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable]')) return;
  const rows = [...document.querySelectorAll('#review-rows [data-act=open]')];
  const at = rows.findIndex(row => row.getAttribute('aria-current'));
  if (e.key === 'j' && rows[at + 1]) { rows[at + 1].click(); rows[at + 1].focus(); }
  else if (e.key === 'k' && at > 0) { rows[at - 1].click(); rows[at - 1].focus(); }
  else if (e.key === 'a' || e.key === 'r') {
    const box = document.getElementById(e.key === 'a' ? 'pop-approve' : 'pop-reject');
    if (!box) return;
    e.preventDefault(); box.open = true; box.scrollIntoView({block: 'nearest'});
  }
});
