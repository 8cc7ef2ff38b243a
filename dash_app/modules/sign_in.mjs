// The sign-in form: native fields, so that password managers know them; the session comes back as a cookie.

const FORM = `
<form method="post" action="/api/v1/session" novalidate>
  <h1>登录</h1>
  <label class="field-label" for="login">用户名</label>
  <input class="input" id="login" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required>
  <label class="field-label" for="password">密码</label>
  <div class="with-eye">
    <input class="input" id="password" name="password" type="password" autocomplete="current-password" required>
    <button type="button" class="eye" aria-label="显示密码" aria-pressed="false">显示</button>
  </div>
  <p class="sign-in-message" role="alert" hidden></p>
  <button class="button primary" type="submit" id="sign-in-button">登录</button>
  <p class="sign-in-note">仅限授权人员使用；查阅个人信息均留有记录。</p>
</form>`;

export function mount(element) {
  element.innerHTML = FORM;
  const form = element.querySelector('form');
  const message = element.querySelector('.sign-in-message');
  const button = element.querySelector('#sign-in-button');
  const eye = element.querySelector('.eye');
  const { login, password } = form.elements;

  eye.addEventListener('click', () => {
    const shown = password.type === 'text';
    password.type = shown ? 'password' : 'text';
    eye.textContent = shown ? '显示' : '隐藏';
    eye.setAttribute('aria-pressed', String(!shown));
  });

  const say = (text) => {
    message.textContent = text;
    message.hidden = !text;
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!login.value.trim() || !password.value) {
      say(login.value.trim() ? '请输入密码。' : '请输入用户名。');
      (login.value.trim() ? password : login).focus();
      return;
    }
    button.disabled = true;
    button.textContent = '正在登录……';
    say('');
    try {
      const answer = await fetch('/api/v1/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ login: login.value.trim(), password: password.value, at_page: true }),
      });
      if (answer.ok) {
        // The server knows where the user wanted to go and sends a signed-in user there: it alone decides whether the address
        // is one of its own. The hash, which it does not see, comes along.
        window.location.reload();
        return;
      }
      const error = await answer.json().catch(() => ({}));
      say([error.message ?? '登录没有成功。', error.remedy].filter(Boolean).join(''));
      password.select();
    } catch {
      say('连接不上服务器。请检查网络后再试。');
    }
    button.disabled = false;
    button.textContent = '登录';
  });
  login.focus();
}
