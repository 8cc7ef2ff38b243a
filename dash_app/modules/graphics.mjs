// What draws the map: a graphics card, or the processor where a desk has none (a virtual desktop, an old driver).
// Smoothed edges cost a processor more than half of every frame, and fading labels many frames after each step.

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
let known = null;

export function drawnByProcessor() {
  if (known === null) {
    const gl = document.createElement('canvas').getContext('webgl2');
    const names = gl?.getExtension('WEBGL_debug_renderer_info');
    const name = gl ? gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER) : '';
    known = SOFTWARE.test(name);
    gl?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return known;
}

// Options of the map by what draws it.
export const drawing = () => (drawnByProcessor() ? { antialias: false, fadeDuration: 0 } : { antialias: true, fadeDuration: 120 });
