// Requests of the grid desk; a refusal carries its remedy and the geometry to show.

export class Refused extends Error {
  constructor(status, body) {
    super(body.message ?? `服务器回应 ${status}`);
    this.status = status;
    this.remedy = body.remedy ?? '';
    this.problems = body.details?.problems ?? [];
  }
}

export async function ask(address, method = 'GET', body = undefined) {
  let answer;
  try {
    answer = await fetch(`/api/v1/grids${address}`, {
      method, headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, { message: '网络中断，操作没有送达。', remedy: '草稿保存在服务器上，网络恢复后可继续。' });
  }
  if (answer.status === 401) window.location.assign(`/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`);
  const result = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, result ?? {});
  return result;
}
