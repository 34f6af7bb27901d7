/** The one style sheet. */
export const styleSheet = `:root {
  color-scheme: light dark;
  --ink: light-dark(#17202b, #e8edf3);
  --soft: light-dark(#586574, #9dabba);
  --ground: light-dark(#f4f7f9, #10161d);
  --card: light-dark(#ffffff, #19212b);
  --line: light-dark(#dde4ea, #2a3541);
  --accent: light-dark(#1c6a8f, #7cc4e4);
  --bad: light-dark(#a3282f, #ff9d97);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
body > * { width: min(68rem, 100% - 2.5rem); margin-inline: auto; }
body > header { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; align-items: center; padding-block: 1.25rem; }
body > header form { flex: 1 1 14rem; display: flex; gap: 0.5rem; }
body > footer { margin-block: 3rem 2rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--soft);
  font-size: 0.9rem; }
a { color: var(--accent); text-underline-offset: 0.2em; }
.brand { font-weight: 700; font-size: 1.15rem; color: inherit; text-decoration: none; }
nav { display: flex; gap: 1.25rem; }
h1 { font-size: clamp(1.7rem, 4vw, 2.6rem); line-height: 1.1; letter-spacing: -0.02em; }
h2 { font-size: 1.1rem; margin: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(14rem, 100%), 1fr)); gap: 1.25rem;
  padding: 0; list-style: none; }
.card { overflow: hidden; border: 1px solid var(--line); border-radius: 0.9rem; background: var(--card); }
.card a { color: inherit; text-decoration: none; }
.card img, .item img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; background: var(--line); }
.card div { padding: 0.8rem 1rem 1rem; }
.card p { margin: 0.15rem 0 0; color: var(--soft); }
.item { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 2rem; }
.item img { border-radius: 0.9rem; }
.price { font-size: 1.3rem; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; }
td, th { padding: 0.6rem 0.5rem; border-bottom: 1px solid var(--line); text-align: start; }
td.number, th.number { text-align: end; font-variant-numeric: tabular-nums; }
form.fields { display: grid; gap: 1rem; align-content: start; max-width: 28rem; }
label { display: grid; gap: 0.25rem; color: var(--soft); }
input, select, textarea, button { padding: 0.5rem 0.75rem; border: 1px solid var(--line); border-radius: 0.6rem;
  background: var(--card); color: var(--ink); font: inherit; }
input[type=search] { flex: 1; min-width: 0; }
input[type=number] { width: 5.5rem; }
button { color: var(--accent); cursor: pointer; }
button:hover, input:focus-visible, button:focus-visible { border-color: var(--accent); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 2.5rem; }
.problem { padding: 0.8rem 1rem; border: 1px solid var(--bad); border-radius: 0.6rem; color: var(--bad); }
.steps { list-style: none; padding: 0; }
.inline { display: inline-flex; gap: 0.5rem; align-items: center; }
`
