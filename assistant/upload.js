const put = (name, text, kind) => {
  const line = document.createElement('li'), mark = document.createElement('span');
  line.append(mark, ' ' + name); mark.textContent = text; mark.className = 'x-tag x-up-' + kind;
  element.querySelector('#upload-results').prepend(line);
  return (text, kind, detail) => {
    mark.textContent = text; mark.className = 'x-tag x-up-' + kind;
    if (!detail) return;
    const more = document.createElement('p');
    more.className = 'x-soft'; more.textContent = detail; line.append(more);
  };
};
const send = async files => {
  const words = element.querySelector('.x-drop').dataset, limit = Number(words.limit);
  for (const file of files) {
    const told = put(file.name, words.busy, 'busy');
    if (file.size > limit) { told(words.failed, 'bad', words.large); continue; }
    const form = new FormData(); form.append('files', file, file.name);
    try {
      const answer = await fetch(words.path, {method: 'POST', body: form}), said = await answer.json();
      const result = (said.results || [])[0];
      if (result && result.ok) told(words.ok, 'ok');
      else told(words.failed, 'bad', result ? result.message : said.detail);
    } catch (error) { told(words.failed, 'bad'); }
  }
  trigger('select', {act: 'uploaded'});
};
element.addEventListener('change', e => {
  if (e.target.id !== 'files') return;
  const files = [...e.target.files]; e.target.value = ''; send(files);
});
for (const kind of ['dragover', 'dragleave', 'drop']) element.addEventListener(kind, e => {
  const box = e.target.closest('.x-drop'); if (!box) return;
  e.preventDefault(); box.classList.toggle('x-over', kind === 'dragover');
  if (kind === 'drop') send([...e.dataTransfer.files]);
});
