// What counts as a phone; the style sheets ask the same questions.
export const PHONE = '(max-width: 760px), (max-height: 500px)';
export const SIDEWAYS = '(max-height: 500px) and (orientation: landscape)';

export const isPhone = () => window.matchMedia(PHONE).matches;
export const isSideways = () => window.matchMedia(SIDEWAYS).matches;
