// Sending a file: by choosing or dropping it, with progress, straight to the API; Dash only learns its token.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.onemapImports = (() => {
  const megabytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3)).toLocaleString()} KB` : `${(size / 1e6).toFixed(1)} MB`);

  function say(drop, title, text, share) {
    drop.querySelector('.import-drop-title').textContent = title;
    drop.querySelector('.import-drop-text').textContent = text;
    drop.querySelector('.import-bar').style.setProperty('--done', share);
  }

  function send(drop, file) {
    const body = new FormData();
    body.append('file', file);
    const request = new XMLHttpRequest();
    drop.classList.remove('failed', 'done');
    drop.classList.add('sending');
    dash_clientside.set_props('import-file', { data: null });
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) say(drop, file.name, `正在上传 ${megabytes(event.loaded)} / ${megabytes(event.total)}`, event.loaded / event.total);
    };
    request.onload = () => {
      drop.classList.remove('sending');
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* an answer that is no JSON is a failure without words */ }
      if (request.status === 201) {
        drop.classList.add('done');
        say(drop, answer.file, `已上传 ${megabytes(answer.size)}，点击可换一个文件`, 1);
        dash_clientside.set_props('import-file', { data: answer });
      } else {
        drop.classList.add('failed');
        say(drop, answer.message || '上传没有成功。', answer.remedy || '请再试一次。', 0);
      }
    };
    request.onerror = () => {
      drop.classList.remove('sending');
      drop.classList.add('failed');
      say(drop, '与服务器的连接中断。', '请检查网络后再试。', 0);
    };
    request.open('POST', '/api/v1/imports');
    say(drop, file.name, '正在上传', 0);
    request.send(body);
  }

  return {
    listen() {
      const drop = document.getElementById('import-drop');
      if (!drop || drop.dataset.listening) return 'yes';
      drop.dataset.listening = 'yes';
      const input = Object.assign(document.createElement('input'), { type: 'file', className: 'import-chooser' });
      input.setAttribute('aria-label', '选择要导入的文件');
      drop.append(input);
      input.addEventListener('change', () => { if (input.files[0]) send(drop, input.files[0]); input.value = ''; });
      for (const name of ['dragenter', 'dragover']) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add('over'); });
      for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
      drop.addEventListener('drop', (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) send(drop, event.dataTransfer.files[0]); });
      return 'yes';
    },
  };
})();
