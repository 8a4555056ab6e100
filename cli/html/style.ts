/** How the page looks, by day and by night. Colours of uses: `--use-…`, of names: `--name-…`. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e8; --text: #16202c; --quiet: #5b6875;
  --accent: #1d5fd1; --good: #14733a; --good-back: #e2f5e8; --bad: #b42318; --bad-back: #fde8e6;
  --warn: #8a5a00; --warn-back: #fdf1d8; --bar-1: #2f6fe0; --bar-2: #2a9d6a; --shade: #eef1f4;
  --use-header: #5f6c7b; --use-checksums: #a9b4c0; --use-catalog: #9b4dca; --use-inner: #1846b5;
  --use-leaf: #5b9bf5; --use-record: #1f9d55; --use-text: #e69f00; --use-array: #12a4a4;
  --use-element: #1f9d55; --use-free: #d8c7ae; --use-unused: #e6e9ed; --use-unknown: #d92d20;
  --name-0: #3b7ddd; --name-1: #e69f00; --name-2: #1f9d55; --name-3: #c2417c; --name-4: #12a4a4;
  --name-5: #8250df; --name-6: #b35900; --name-7: #6b8e23; --name-8: #5f6c7b; --name-9: #d0587e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141a; --card: #171e26; --line: #2b3541; --text: #e6ebf1; --quiet: #98a5b3;
    --accent: #7db1ff; --good: #7ddba0; --good-back: #12331f; --bad: #ff9b91; --bad-back: #46191a;
    --warn: #f3c46b; --warn-back: #3b2c0a; --bar-1: #5b9bf5; --bar-2: #4cc38a; --shade: #1f2833;
    --use-header: #8a97a6; --use-checksums: #4b5866; --use-catalog: #b983e6; --use-inner: #3f6fe0;
    --use-leaf: #79b0ff; --use-record: #3fbf76; --use-text: #f0b429; --use-array: #2cc3c3;
    --use-element: #3fbf76; --use-free: #5d5340; --use-unused: #222c37; --use-unknown: #ff5c4d;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main, header { max-width: 1180px; margin: 0 auto; padding: 0 20px }
header { padding-top: 24px }
h1 { font-size: 22px; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 17px; margin: 0 0 4px }
h3 { font-size: 14px; margin: 18px 0 6px }
p { margin: 4px 0 12px }
code, .mono {
  font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 13px;
}
.quiet { color: var(--quiet) }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
  margin: 16px 0;
}
.badge { display: inline-block; border-radius: 6px; padding: 2px 10px; font-weight: 600 }
.good { color: var(--good); background: var(--good-back) }
.bad { color: var(--bad); background: var(--bad-back) }
.warn { color: var(--warn); background: var(--warn-back) }
.facts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); gap: 12px;
  margin: 16px 0;
}
.fact {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px;
}
.fact b { display: block; font-size: 19px; font-weight: 600 }
.fact span { color: var(--quiet); font-size: 13px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th { text-align: left; font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--line) }
th, td { padding: 4px 12px 4px 0; vertical-align: top; white-space: nowrap }
td.wrap { white-space: normal; overflow-wrap: anywhere; min-width: 140px }
tbody tr:hover { background: var(--shade) }
.n { text-align: right; font-variant-numeric: tabular-nums }
td.bar { width: 40%; min-width: 120px; padding-right: 0; vertical-align: middle }
.track {
  display: flex; height: 12px; border-radius: 3px; background: var(--shade); overflow: hidden;
}
.track i { display: block; height: 100% }
.one { background: var(--bar-1) } .two { background: var(--bar-2) }
.swatch {
  display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 7px;
  vertical-align: -1px; border: 1px solid rgb(128 128 128 / 35%);
}
.histograms { display: flex; flex-wrap: wrap; gap: 28px }
figure { margin: 0 } figcaption { font-size: 13px; color: var(--quiet); margin-bottom: 4px }
svg text { fill: var(--quiet); font-size: 11px } svg .col { fill: var(--bar-1) }
svg .axis { stroke: var(--line) }
details { margin-top: 10px } summary { cursor: pointer; color: var(--accent) }
.tools { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin: 8px 0 }
.tools select, .tools button {
  font: inherit; font-size: 14px; color: inherit; background: var(--card); padding: 3px 10px;
  border: 1px solid var(--line); border-radius: 6px; cursor: pointer;
}
.tools button:disabled { opacity: .45; cursor: default }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
.map { position: relative }
.map canvas { display: block; width: 100%; border-radius: 4px; touch-action: none }
.map .strip { height: 26px; margin-bottom: 8px; cursor: col-resize }
.map .grid { height: 400px; cursor: crosshair }
.tip {
  position: absolute; z-index: 2; pointer-events: none; max-width: 360px; padding: 8px 12px;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; font-size: 13px;
  box-shadow: 0 4px 16px rgb(0 0 0 / 25%); overflow-wrap: anywhere; white-space: pre-line;
}
.picked { min-height: 22px; font-size: 14px; overflow-wrap: anywhere }
.legend {
  display: flex; flex-wrap: wrap; gap: 4px 6px; margin: 10px 0 0; padding: 0; list-style: none;
}
.legend button {
  font: inherit; font-size: 13px; color: inherit; background: none; border: 1px solid transparent;
  border-radius: 6px; padding: 2px 8px; cursor: pointer;
}
.legend button:hover { background: var(--shade) }
.legend button[aria-pressed="true"] { border-color: var(--accent); background: var(--shade) }
nav a { color: var(--accent) }
footer {
  max-width: 1180px; margin: 0 auto; padding: 8px 20px 32px; color: var(--quiet); font-size: 13px;
}
`
